"""What a store holds stays readable while others change it, and no more of it is in memory than one part."""

import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from collectors import store
from collectors.errors import UnreadableInput
from collectors.flows import conform_flows
from collectors.observation import Observation
from collectors.partitions import Partitions
from collectors.pushing import push
from collectors.segments import Segments
from collectors.store import load, opened, save
from collectors.stored_observation import parts_of
from tests.collectors.learned import assert_same, interval, segments_of


def _learned(folder, *numbers):
    with Segments(folder) as segments:
        for number in numbers:
            segments.add(interval(number), {})
    return folder


def test_flows_are_read_when_they_are_asked_for_and_other_fields_may_be_replaced_before(tmp_path):
    save(interval(1), tmp_path)
    found = replace(opened(tmp_path), ledger=Observation().ledger)
    assert "flows" not in vars(found)
    assert_same(found, replace(load(tmp_path), ledger=found.ledger))
    assert "flows" in vars(found)


def test_segments_that_are_merged_after_they_were_looked_at_are_read_still(tmp_path):
    _learned(tmp_path, *range(1, 17))
    found, before = opened(tmp_path), segments_of(tmp_path)
    with Segments(tmp_path) as segments:
        segments.merge()
    assert not set(before) & set(segments_of(tmp_path))
    assert_same(found, load(tmp_path))


def test_a_mirror_is_brought_here_and_goes_with_what_was_read(tmp_path, url, monkeypatch):
    monkeypatch.setattr(store, "mkdtemp", lambda prefix: str((tmp_path / prefix).mkdir() or tmp_path / prefix))
    _learned(tmp_path / "node", 1, 2)
    push(tmp_path / "node", url)
    found = opened(url)
    assert_same(found, load(tmp_path / "node"))
    assert len(list(found.parts)) == 1
    assert (tmp_path / "podfence-").is_dir()
    del found
    gc.collect()
    assert not (tmp_path / "podfence-").exists()


def test_a_store_at_a_url_is_read_there(url):
    save(interval(1), url)
    assert_same(opened(url), load(url))


def test_an_observation_in_memory_has_parts_too():
    (part,) = parts_of(interval(1))
    pd.testing.assert_frame_equal(part, next(iter(Partitions(interval(1).flows))))


def test_what_is_no_store_or_damaged_is_refused_when_it_is_looked_at(tmp_path):
    with pytest.raises(UnreadableInput, match="is no observation store"):
        opened(tmp_path)
    save(interval(1), tmp_path)
    next(tmp_path.glob("*.parquet")).write_text("")
    with pytest.raises(UnreadableInput, match="is missing or damaged"):
        opened(tmp_path)


_DAYS = """
import sys
from pathlib import Path
from collectors.store import opened
for part in opened(sys.argv[1]).parts:
    del part
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def _peak(folder):
    """Return the peak memory in kB of a process that reads all parts of a store; it measures itself."""
    return int(subprocess.run([sys.executable, "-c", _DAYS, str(folder)], check=True, capture_output=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux says how much memory was taken")
def test_three_times_the_days_take_no_more_memory(tmp_path):
    one = interval(1)
    day = one.flows.iloc[[0] * 100_000].assign(dst_port=pd.array(range(1, 50_001), "UInt16").repeat(2), bytes=1)
    day["outcome"] = pd.Categorical(["established", "refused"] * 50_000)
    for count in (2, 6):
        days = [
            day.assign(**{name: day[name] + pd.Timedelta(days=number) for name in ("first_seen", "last_seen")})
            for number in range(count)
        ]
        save(replace(one, flows=conform_flows(pd.concat(days))), tmp_path / str(count))
    # Four days more would be 200 MB in memory.
    assert _peak(tmp_path / "6") < _peak(tmp_path / "2") + 50_000
