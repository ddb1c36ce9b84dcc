"""A learning store stays within its disk budget, and says what it removed."""

from collectors.observation import Gap, ObservationWindow, Source, merge
from collectors.segments import Segments, forgotten
from collectors.store_files import Held
from tests.collectors.learned import interval, segments_of, time


def test_a_budget_removes_the_oldest_and_the_rest_says_so(tmp_path):
    with Segments(tmp_path / "obs") as segments:
        segments.add(interval(1), {})
        budget = 12 * segments.size
    with Segments(tmp_path / "obs", budget) as segments:
        for number in range(2, 41):
            segments.add(interval(number), {"number": b"41"})
            segments.merge()
            assert segments.size <= budget
        found = segments.load()
        assert segments.next == 41
        assert segments.still_open() == {"number": b"41"}
    kept = [number for number in range(1, 41) if time(number) in set(found.flows["first_seen"])]
    assert 4 < len(kept) < 39
    assert kept == list(range(kept[0], 41))
    (source,), everything = found.window.sources, [interval(number) for number in range(1, 41)]
    whole, rest = merge(everything), merge(everything[kept[0] - 1 :])
    lost = whole.window.sources[0].packets - rest.window.sources[0].packets
    assert found.ledger.event_counts() == {"budget": lost}
    assert (source.start, source.end, source.packets) == (time(1), time(40, 59), rest.window.sources[0].packets)
    assert source.packets == found.flows["packets"].sum() + found.ledger.packets_total()
    assert set(found.window.gaps) - set(rest.window.gaps) == {Gap("eth0", time(1), time(kept[0] - 1, 59))}
    assert found.window.drops == whole.window.drops


def test_a_budget_that_one_segment_exceeds_keeps_that_one(tmp_path):
    with Segments(tmp_path / "obs", 10) as segments:
        for number in (1, 2, 3):
            segments.add(interval(number), {})
            segments.merge()
        assert segments_of(tmp_path / "obs") == ["0000000001-0000000003"]
        assert set(segments.load().flows["first_seen"]) == {time(3)}


def test_what_is_forgotten_twice_is_one_gap_and_all_its_packets():
    one, two = (Held(interval(number).window) for number in (1, 2))
    first = forgotten([one])
    again = forgotten([Held(first.window, (), first.ledger), two])
    assert again.window.gaps == (Gap("eth0", time(1), time(2, 59)),)
    assert again.ledger.event_counts() == {"budget": 14}
    idle = forgotten([Held(ObservationWindow.of([Source("lo", "live", 0)]))])
    assert (idle.window.gaps, idle.ledger.event_counts()) == ((), {})
