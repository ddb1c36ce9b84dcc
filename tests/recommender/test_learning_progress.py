"""What a learner counts: what came, what is new within the hour, what was lost; within a bound of memory."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.learning import Interval
from collectors.observation import Observation
from recommender import learning_progress
from recommender.learning_judge import Judgement
from recommender.learning_progress import Counting
from tests.collectors.learned import interval, time


def ended(minute, observation=None, **more):
    return Interval(time(minute), time(minute + 1), Observation() if observation is None else observation, **more)


def test_intervals_add_up():
    counting = Counting()
    for minute in range(9):
        counting.take(ended(minute, interval(minute)))
    progress = counting.progress
    assert (progress.intervals, progress.packets, progress.connections, progress.rows) == (9, 63, 27, 27)
    assert (progress.drops, progress.gaps) == (6, 3)
    assert (progress.start, progress.end) == (time(0), time(9))


def test_a_connection_is_new_once_whenever_it_comes_again():
    counting = Counting()
    news = [counting.take(ended(minute, interval(minute))).known for minute in range(14)]
    assert news == [3 * min(minute + 1, 7) for minute in range(14)]


def test_what_is_new_is_forgotten_after_an_hour_and_stays_known():
    counting = Counting()
    counting.take(ended(0, interval(0)))
    assert counting.take(ended(59)).new == 3
    progress = counting.take(ended(60))
    assert (progress.new, progress.known) == (0, 3)


@given(st.lists(st.integers(0, 300), max_size=8))
def test_new_ones_are_never_more_than_known_ones_wherever_the_clock_is_set(minutes):
    counting = Counting()
    for minute in minutes:
        progress = counting.take(ended(minute, interval(minute)))
        assert 0 <= progress.new <= progress.known
        assert len(counting._recent) <= 60


def test_attempts_that_came_to_nothing_are_no_connections_that_worked():
    seen = interval(1)
    failed = seen.flows.assign(outcome=seen.flows["outcome"].cat.set_categories(["refused"]).fillna("refused"))
    assert Counting().take(ended(1, Observation(failed, seen.window))).known == 0


def test_beyond_the_ceiling_nothing_is_counted_as_new(monkeypatch):
    monkeypatch.setattr(learning_progress, "MOST_KNOWN", 5)
    counting = Counting()
    assert [counting.take(ended(minute, interval(minute))).known for minute in range(3)] == [3, 5, 5]
    assert counting.progress.new == 5


def test_why_nothing_is_written_is_told_until_it_is():
    counting = Counting()
    assert counting.take(ended(0, unwritten="no room")).unwritten == "no room"
    assert counting.take(ended(1)).unwritten == ""


def test_a_judgement_stays_until_the_next():
    counting = Counting()
    counting.judged(Judgement("learning"))
    counting.take(ended(0))
    assert counting.progress.judged == Judgement("learning")
    assert counting.judged(Judgement("stable")).judged.verdict == "stable"
