"""NetFlow v5, v9 and IPFIX in files: framing, templates, sampling, gaps, damage."""

import io
import shutil
import subprocess
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import netflow
from tests.collectors.formats import exports
from tests.collectors.formats.exports import (
    DATED,
    PLAIN,
    SECOND,
    START,
    data,
    dated,
    flow,
    ipfix,
    observed,
    options,
    part,
    template,
    v5,
    v9,
)
from tests.collectors.formats.hands import only
from tests.collectors.formats.samples import FOLDER

SAMPLES = sorted(FOLDER.glob("netflow-*.bin"))
SYN = 2
BACK = {"src": "10.0.2.9:8080", "dst": "10.0.1.7:41000"}
READ_BY_TSHARK = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark, the oracle, is not installed")


def sizes(content):
    return [batch.size for batch in netflow.read(io.BytesIO(content))]


@pytest.mark.parametrize(
    "message",
    [
        v5(flow(at=-30, until=-29, flags=SYN, packets=6)),
        v9(template(256, PLAIN, 9), data(256, PLAIN, [flow(at=-30, until=-29, flags=SYN, packets=6)])),
        ipfix(template(256, DATED), data(256, DATED, [flow(at=-30, until=-29, flags=SYN, packets=6)])),
    ],
    ids=["v5", "v9", "ipfix"],
)
def test_the_same_record_is_the_same_flow_in_every_version(message):
    found = only(observed(message)[0])
    assert (found["src"], found["dst"], found["dst_port"], found["protocol"]) == ("10.0.1.7", "10.0.2.9", 8080, "TCP")
    assert (found["packets"], found["bytes"], found["connections"]) == (6, 600, 1)
    assert [found[name].value for name in ("first_seen", "last_seen")] == [(START - 30) * SECOND, (START - 29) * SECOND]


def test_versions_follow_each_other_in_one_file():
    content = (
        v5(flow()) + v9(template(256, PLAIN, 9), data(256, PLAIN, [flow()])) + dated(flow()) + v5(flow(), sequence=1)
    )
    assert observed(content)[2].records == 4


def test_a_template_of_one_message_is_good_for_the_next_ones():
    content = ipfix(template(256, DATED)) + ipfix(data(256, DATED, [flow(), flow(**BACK)]))
    assert observed(content)[2].records == 2


def test_a_template_that_comes_late_is_waited_for():
    flows, ledger, reading, _ = observed(ipfix(data(256, DATED, [flow()])) + ipfix(template(256, DATED), sequence=1))
    assert len(flows) == reading.records == 1
    assert ledger.packet_counts() == {}


def test_records_whose_template_never_comes_are_incomplete():
    flows, ledger, _, _ = observed(ipfix(data(256, DATED, [flow()]), data(300, DATED, [flow()]), template(256, DATED)))
    assert len(flows) == 1
    assert ledger.packet_counts() == {"incomplete": 1}


def test_a_template_that_is_sent_anew_replaces_the_old_one():
    content = dated(flow(flags=SYN)) + ipfix(
        template(256, PLAIN[:-2]), data(256, PLAIN[:-2], [flow(dst="10.0.2.9:9090", flags=SYN)]), sequence=1
    )
    assert set(observed(content)[0].dst_port) == {8080, 9090}


def test_a_withdrawn_template_is_no_template():
    withdrawn = part(2, b"\x01\x00\x00\x00")
    flows, ledger, _, _ = observed(dated(flow()) + ipfix(withdrawn, data(256, DATED, [flow()]), sequence=1))
    assert len(flows) == 1
    assert ledger.packet_counts() == {"incomplete": 1}


def test_templates_of_two_domains_do_not_mix():
    content = dated(flow(), domain=1) + ipfix(data(256, DATED, [flow()]), domain=2)
    assert observed(content)[1].packet_counts() == {"incomplete": 1}


def test_sampling_of_a_v5_header_and_of_options_reaches_the_flows():
    assert only(observed(v5(flow(), sampling=0x4064))[0])["sampled"] == pytest.approx(0.01)
    said = (("samplingInterval", 4),)
    nine = v9(options(512, said, 9), data(512, (("ingressInterface", 4), *said), [{"samplingInterval": 50}]),
              template(256, PLAIN, 9), data(256, PLAIN, [flow()]))  # fmt: skip
    flows, ledger, _, _ = observed(nine)
    assert only(flows)["sampled"] == pytest.approx(0.02)
    assert ledger.packet_counts() == {"other_record": 1}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            (("samplingPacketInterval", 4), ("samplingPacketSpace", 4)),
            {"samplingPacketInterval": 1, "samplingPacketSpace": 9},
        ),
        ((("samplingSize", 4), ("samplingPopulation", 4)), {"samplingSize": 10, "samplingPopulation": 100}),
        ((("samplingProbability", 8),), {"samplingProbability": int(np.float64(0.1).view(np.uint64))}),
    ],
)  # fmt: skip
def test_every_way_to_say_one_of_ten_is_read(fields, said):
    content = ipfix(options(512, fields), data(512, (("ingressInterface", 4), *fields), [said])) + dated(
        flow(), sequence=1
    )
    assert only(observed(content)[0])["sampled"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("contents", "lost"),
    [
        (v5(flow()) + v5(flow(), sequence=1), []),
        (v5(flow()) + v5(flow(), sequence=8), [7]),
        (dated(flow()) + dated(flow(), sequence=1), []),
        (dated(flow()) + dated(flow(), sequence=4), [3]),
        (dated(flow(), sequence=4) + dated(flow(), sequence=3), []),
        (dated(flow(), sequence=1 << 31) + dated(flow(), sequence=0), []),
        (v9(template(256, PLAIN, 9)) + v9(template(256, PLAIN, 9), sequence=3), [None]),
    ],
)
def test_numbers_that_are_missing_are_gaps_and_late_or_restarted_ones_are_not(contents, lost):
    _, _, reading, _ = observed(contents)
    assert [loss.lost for loss in reading.losses] == lost


def test_a_number_that_counts_its_own_records_leaves_no_gap():
    content = dated(flow(), flow(), sequence=2) + dated(*[flow()] * 5, sequence=7) + dated(flow(), sequence=8)
    assert observed(content)[2].losses == ()


def test_an_empty_file_has_no_rows():
    flows, _, reading, _ = observed(b"")
    assert (len(flows), reading.records) == (0, 0)


def test_where_no_message_follows_the_rest_is_one_malformed_record_and_a_gap():
    flows, ledger, reading, _ = observed(dated(flow()) + b"GET / HTTP/1.1\r\n" * 9)
    assert len(flows) == 1
    assert ledger.packet_counts() == {"malformed": 1}
    assert "after byte" in reading.losses[0].what


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@given(st.data())
def test_a_file_that_is_cut_anywhere_has_its_first_records_and_at_most_one_that_is_malformed(path, drawn):
    content = path.read_bytes()
    cut = drawn.draw(st.integers(0, len(content)))
    whole, read = sum(sizes(content)), list(netflow.read(io.BytesIO(content[:cut])))
    malformed = sum(item.count for batch in read for item in batch.left_out if item.kind == "malformed")
    assert malformed <= 1
    assert sum(batch.size for batch in read) - malformed <= whole
    assert cut < len(content) or malformed == 0


@given(st.binary(max_size=400), st.sampled_from(SAMPLES), st.integers(0, 2000))
def test_whatever_bytes_are_in_a_file_none_raises_and_what_is_counted_is_in_one_place(noise, path, at):
    content = path.read_bytes()
    for damaged in (noise, content[:at] + noise + content[at + len(noise) :]):
        for batch in netflow.read(io.BytesIO(damaged)):
            assert batch.size == len(batch.records) + sum(item.count for item in batch.left_out)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_pieces_of_any_size_are_the_same_file(path, monkeypatch):
    content = path.read_bytes()
    expected = sum(sizes(content))
    for size in (1, 7, 100):
        monkeypatch.setattr(netflow, "_BLOCK", size)
        assert sum(sizes(content)) == expected


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_file_is_told_by_its_first_bytes(path):
    content = path.read_bytes()
    assert netflow.sniff(content)
    assert netflow.sniff(content[:40])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_with_a_clock_are_not_taken(noise):
    assert not netflow.sniff(b"\0\x0a\0\x20" + b"\0" * 4 + noise)
    assert not netflow.sniff(b"\x7f" + noise)


@READ_BY_TSHARK
@pytest.mark.parametrize("name", ["netflow-v5.bin", "netflow-v9.bin", "netflow-ipfix.bin"])
def test_tshark_reads_the_same_packets_and_bytes_of_each_record(name, tmp_path):
    content = (FOLDER / name).read_bytes()
    capture = tmp_path / "export.pcap"
    capture.write_bytes(exports.captured([message for _, message in netflow._messages(io.BytesIO(content))]))
    command = ["tshark", "-r", capture, "-d", "udp.port==2055,cflow", "-T", "fields"]
    command += ["-e", "cflow.packets", "-e", "cflow.octets"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    theirs = Counter(
        pair for line in said.splitlines() for pair in zip(*(cell.split(",") for cell in line.split("\t")), strict=True)
    )
    ours, left = Counter(), 0
    for batch in netflow.read(io.BytesIO(content)):
        numbers = (batch.records.packets.values.tolist(), batch.records.bytes.values.tolist())
        ours.update(zip(*(map(str, column) for column in numbers), strict=True))
        left += sum(item.count for item in batch.left_out if item.kind != "other_record")
    assert ours <= theirs
    assert (theirs - ours).total() == left
