"""The loop: intervals become segments, what is open goes on, a full or broken disk loses nothing that memory holds."""

import itertools
import sys
import threading
import time
from types import SimpleNamespace

import pandas as pd
import pytest

from collectors.errors import PodfenceError
from collectors.learning import Interval, learn
from collectors.learning.feed import Told
from collectors.learning.learn import LearnOptions, _Clock
from collectors.learning.still_open import StillOpen, read_open, stored
from collectors.observation import Observation
from collectors.segments import Segments
from collectors.store import load
from tests.collectors.learned import interval
from tests.collectors.learning.feeding import learnt

LOOP = sys.modules[_Clock.__module__]  # the package has a function of this name


class Numbers:
    """A feed that tells the numbers of a test's intervals, one each time, and ends after `count` of them."""

    def __init__(self, count, name="eth0", first=0):
        self.name, self.keys = name, (f"packets {name}",)
        self.left, self.calls = list(range(first, first + count)), []
        self.before = None

    @property
    def ended(self):
        """Whether all were told but one."""
        return len(self.left) <= 1

    def resume(self, still_open):
        """Take what was open; it is of use unless it says that it is not."""
        self.before = still_open
        return still_open.content != b"damaged"

    def begin(self):
        """Note it."""
        self.calls.append("begin")

    def wait(self, seconds):
        """Wait."""
        time.sleep(min(seconds, 0.01))

    def tell(self, span):
        """Tell the next number."""
        number = self.left.pop(0)
        told = interval(number, source=self.name)
        ledger = told.ledger + span.ledger.ledger()
        window = type(told.window).of(told.window.sources, [*told.window.gaps, *span.gaps])
        observation = Observation(told.flows, window, ledger, told.names, told.claims)
        return Told(
            observation, StillOpen("packets", self.name, f"{number}".encode()), fault="" if self.left else "broke"
        )

    def close(self):
        """Note it."""
        self.calls.append("close")


def content(folder):
    with Segments(folder) as segments:
        return {key: one.content for key, one in read_open(segments.still_open()).items()}


def test_each_interval_is_a_segment_and_nothing_is_lost_or_told_twice(tmp_path):
    feed = Numbers(5)
    told = learnt(tmp_path, [feed], every=0.01)
    assert len(told) == 5
    assert load(tmp_path).window.sources[0].packets == 5 * 7
    assert feed.calls == ["begin", "close"]
    assert all(one.start <= one.end for one in told)
    assert [one.end for one in told[:-1]] == [one.start for one in told[1:]]


def test_why_a_feed_ended_before_its_time_is_told_with_its_last_interval(tmp_path):
    told = learnt(tmp_path, [Numbers(2)], every=0.01)
    assert [one.faults for one in told] == [(), ("broke",)]
    assert told[-1].remarks == ("broke",)


def test_what_is_open_goes_on_and_the_time_between_is_a_gap_and_an_event(tmp_path):
    learnt(tmp_path, [Numbers(1, first=1)])
    feed = Numbers(1, first=2)
    learnt(tmp_path, [feed])
    assert feed.before.content == b"1"
    held = load(tmp_path)
    assert [gap.source for gap in held.window.gaps] == ["eth0"]
    assert held.ledger.event_counts()["gap"] == 1
    (gap,) = held.window.gaps
    assert gap.start == interval(1).window.end
    assert gap.end > gap.start


def test_what_can_go_back_in_its_input_has_no_gap(tmp_path):
    with Segments(tmp_path) as segments:
        segments.add(interval(1), stored([StillOpen("packets", "eth0", b"1", position="here")]))
    learnt(tmp_path, [Numbers(1, first=2)])
    assert load(tmp_path).window.gaps == ()


def test_what_is_not_watched_this_time_stays_open_until_it_is_again(tmp_path):
    learnt(tmp_path, [Numbers(1, "a"), Numbers(1, "b", first=7)])
    learnt(tmp_path, [Numbers(1, "a", first=1)])
    assert content(tmp_path) == {"packets a": b"1", "packets b": b"7"}
    again = Numbers(1, "b", first=8)
    learnt(tmp_path, [again])
    assert again.before.content == b"7"


def test_open_connections_that_are_of_no_use_are_said(tmp_path):
    with Segments(tmp_path) as segments:
        segments.add(interval(0), stored([StillOpen("packets", "eth0", b"damaged")]))
    told = learnt(tmp_path, [Numbers(1, first=1)])
    assert told[0].remarks[0] == "connections that were open of eth0 are damaged or of another version"


def test_the_time_that_was_given_ends_it(tmp_path):
    feed = Numbers(10**6)
    begun = time.monotonic()
    learnt(tmp_path, [feed], seconds=0.4, every=60.0)
    assert 0.4 <= time.monotonic() - begun < 30
    assert len(feed.left) == 10**6 - 1


def test_an_order_to_stop_ends_it_with_what_came_by_then(tmp_path):
    stop = threading.Event()
    told = []

    def tell(one: Interval):
        told.append(one)
        if len(told) == 3:
            stop.set()

    with Segments(tmp_path) as segments:
        learn(segments, [Numbers(99)], LearnOptions(0.01), stop.is_set, tell)
    assert len(told) == 4


class Full:
    """A store whose disk is full at some intervals; what is written is kept in `written`."""

    def __init__(self, full):
        self.full, self.end, self.written, self.turn = full, None, [], itertools.count()

    def still_open(self):
        """Return that nothing is."""
        return {}

    def add(self, observation, _still_open):
        """Write, or refuse."""
        if next(self.turn) in self.full:
            raise PodfenceError("no room left")
        self.written.append(observation)

    def merge(self):
        """Merge nothing."""


def test_intervals_wait_for_a_full_disk_and_are_written_as_one():
    store, told = Full({1, 2}), []
    learn(store, [Numbers(5)], LearnOptions(0.01), lambda: False, told.append)
    assert [one.unwritten for one in told] == ["", "no room left", "no room left", "", ""]
    assert [sum(source.packets for source in one.window.sources) for one in store.written] == [7, 21, 7]


def test_what_still_waits_at_the_end_is_lost_and_that_is_an_error():
    feed = Numbers(3)
    with pytest.raises(PodfenceError, match="the last intervals are lost: no room left"):
        learn(Full({1, 2}), [feed], LearnOptions(0.01), lambda: False, lambda _: None)
    assert feed.calls == ["begin", "close"]


def test_more_rows_than_memory_would_do_for_end_it(monkeypatch):
    monkeypatch.setattr(LOOP, "_MOST_WAITING", 4)
    with pytest.raises(PodfenceError, match="no room left"):
        learn(Full(set(range(99))), [Numbers(99)], LearnOptions(0.01), lambda: False, lambda _: None)


def test_segments_that_cannot_be_merged_are_a_remark_and_learning_goes_on():
    store, told = Full(set()), []

    def failing():
        raise PodfenceError("damaged")

    store.merge = failing
    learn(store, [Numbers(9)], LearnOptions(0.05), lambda: False, told.append)
    assert len(store.written) == 9
    assert "segments are not merged: damaged" in [text for one in told for text in one.remarks]


def test_a_clock_that_is_set_back_leaves_intervals_in_order_and_is_an_event(tmp_path, monkeypatch):
    days = iter([10**18 + second * 10**9 for second in (100, 200, 50, 60)])
    monkeypatch.setattr(LOOP, "_Clock", lambda: _Clock(day=next(days), awake=0, always=0))
    told = learnt(tmp_path, [Numbers(3)], every=0.01)
    assert all(one.start <= one.end for one in told)
    assert any("the clock was set by -150 s" in text for one in told for text in one.remarks)
    assert load(tmp_path).ledger.event_counts()["clock"] == 3


def test_a_machine_that_slept_has_a_gap_of_each_feed(tmp_path, monkeypatch):
    clocks = iter([_Clock(10**18, 0, 0), _Clock(10**18 + 900 * 10**9, 0, 900 * 10**9)])
    monkeypatch.setattr(LOOP, "_Clock", lambda: next(clocks))
    learnt(tmp_path, [Numbers(1, "a", first=1), Numbers(1, "b", first=2)])
    held = load(tmp_path)
    assert [(gap.source, (gap.end - gap.start) // pd.Timedelta(seconds=1)) for gap in held.window.gaps] == [
        ("a", 900), ("b", 900),
    ]  # fmt: skip


def test_an_interval_after_a_slow_disk_is_as_long_as_any_other():
    store = Full(set())
    store.add = lambda *_: time.sleep(0.3)
    told = []
    feed = Numbers(4)
    feed.wait = time.sleep
    learn(store, [feed], LearnOptions(0.2), lambda: False, lambda _: told.append(time.monotonic()))
    assert all(later - before >= 0.45 for before, later in itertools.pairwise(told[:-1]))


def test_feeds_are_closed_where_one_cannot_begin(tmp_path):
    first, second = Numbers(1), SimpleNamespace(**{name: getattr(Numbers(1, "b"), name) for name in ("name", "keys")})
    closed = []
    second.resume, second.close = lambda _: True, lambda: closed.append(1)

    def begin():
        raise PodfenceError("it cannot")

    second.begin = begin
    with pytest.raises(PodfenceError, match="it cannot"):
        learnt(tmp_path, [first, second])
    assert (first.calls, closed) == (["begin", "close"], [1])
