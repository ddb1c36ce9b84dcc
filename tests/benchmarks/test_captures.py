import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from benchmarks.generate import truth, write_capture
from benchmarks.table import digits, paste
from benchmarks.traffic import make_traffic
from collectors.sources import read_flows

ROOT = Path(__file__).parents[2]
KINDS = [(kind, endian) for kind in ("us", "ns", "pcapng") for endian in ("little", "big")]


def _capture(kind, endian, snaplen=96):
    flow, packet = make_traffic(np.random.default_rng(3), packets=3_000, flows=100, seconds=600)
    out = BytesIO()
    write_capture(out, flow, packet, kind, endian, snaplen)
    return out.getvalue(), truth(flow, packet)


@pytest.fixture(scope="module")
def yardstick(tmp_path_factory):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not here")
    program = tmp_path_factory.mktemp("yardstick") / "yardstick"
    subprocess.run(["gcc", "-O1", "-std=gnu11", ROOT / "benchmarks" / "yardstick.c", "-o", program], check=True)
    return program


@pytest.mark.parametrize(("kind", "endian"), KINDS)
def test_podfence_reads_every_generated_packet(kind, endian, tmp_path):
    content, holds = _capture(kind, endian)
    (tmp_path / "capture").write_bytes(content)
    observation = read_flows([tmp_path / "capture"])
    assert observation.window.sources[0].packets == holds["packets"]
    assert observation.flows[["packets", "reply_packets"]].to_numpy().sum() == holds["ip_packets"]


@pytest.mark.parametrize(("kind", "endian"), KINDS)
def test_the_yardstick_counts_what_the_generator_wrote(kind, endian, yardstick, tmp_path):
    content, holds = _capture(kind, endian)
    (tmp_path / "capture").write_bytes(content)
    said = json.loads(subprocess.run([yardstick, tmp_path / "capture"], check=True, capture_output=True).stdout)
    assert said["packets"] == holds["packets"]
    assert said["packets"] - said["skipped"] == holds["ip_packets"]
    assert said["flows"] == holds["flows"]
    assert said["bytes"] == holds["ip_frame_bytes"]


def test_the_yardstick_stays_inside_a_cut_capture(yardstick, tmp_path):
    content, _ = _capture("us", "little")
    (tmp_path / "capture").write_bytes(content[:-5])
    said = json.loads(subprocess.run([yardstick, tmp_path / "capture"], check=True, capture_output=True).stdout)
    assert said["packets"] == 2_999


def test_the_same_seed_gives_the_same_bytes():
    assert _capture("ns", "little") == _capture("ns", "little")


@pytest.mark.parametrize("snaplen", [54, 60, 97, 1514])
def test_whole_frames_and_short_ones_can_be_kept(snaplen, tmp_path):
    content, holds = _capture("pcapng", "little", snaplen)
    (tmp_path / "capture").write_bytes(content)
    assert read_flows([tmp_path / "capture"]).window.sources[0].packets == holds["packets"]


def test_too_few_packets_are_refused():
    with pytest.raises(ValueError, match="too few"):
        make_traffic(np.random.default_rng(1), packets=50, flows=10, seconds=60)


def test_a_table_goes_between_its_markers(tmp_path):
    document = tmp_path / "x.md"
    document.write_text("a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n")
    paste(document, "t", "new")
    paste(document, "t", "newer\n")
    assert document.read_text() == "a\n<!-- t: begin -->\n\nnewer\n\n<!-- t: end -->\nb\n"
    with pytest.raises(ValueError, match="no place for u"):
        paste(document, "u", "new")


def test_numbers_have_three_digits_that_count():
    numbers = {0.000258: "0.000258", 0.388: "0.388", 1: "1.00", 33.14: "33.1", 1234.5: "1,234"}
    assert {number: digits(number) for number in numbers} == numbers
