"""What was read is told in its own words: live interfaces, flow logs, and the times when something was lost."""

from dataclasses import replace

import pandas as pd
import pytest

from collectors.observation import LIVE, Gap, ObservationWindow, Source
from recommender.report.facts import Facts
from recommender.report.inputs import inputs_part
from tests.recommender.report.shop import shop

START = pd.Timestamp("2026-11-01T08:00:00Z")


def _page(sources, gaps=()):
    """Return the part of a shop that was seen by these sources, none of whose packets is in the ledger."""
    whole = shop()
    window = ObservationWindow.of(sources, gaps)
    observation = replace(whole.observation, window=window, ledger=type(whole.observation.ledger)())
    return str(inputs_part(Facts(replace(whole, observation=observation))))


def _gap(minutes, lost=None):
    return Gap("any", START, START + pd.Timedelta(minutes=minutes), lost)


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ((LIVE,), "Of 9 packets of live interfaces, 0 are in the ledger"),
        (("hubble",), "Of 9 records of flow logs, 0 are in the ledger"),
        ((LIVE, "hubble"), "Of 18 packets or records of live interfaces and flow logs, 0 are in the ledger"),
    ],
)
def test_packets_are_of_interfaces_and_records_of_logs(kinds, said):
    page = _page([Source(kind, kind, 9) for kind in kinds])
    assert said in page
    assert ("many records for one connection" in page) == ("hubble" in kinds)
    assert ("<bdi>live interface</bdi>" in page) == (LIVE in kinds)


def test_each_gap_is_listed_with_its_length_and_with_what_is_known_of_its_loss():
    page = _page([Source("any", LIVE, 9)], [_gap(2), _gap(3, 1200), Gap("any", None, None, 7)])
    assert "Gaps: when something was lost, or nobody watched" in page
    assert all(f"<td>{length}</td>" in page for length in ("2 minutes", "3 minutes", "not known"))
    assert [page.count(f">{lost}</td>") for lost in ("1,200", "7")] == [1, 1]


def test_of_very_many_gaps_the_longest_are_listed_and_the_others_counted():
    page = _page([Source("any", LIVE, 9)], [_gap(minutes) for minutes in range(3, 73)])
    assert [f"<td>{minutes} minutes</td>" in page for minutes in (22, 23, 71)] == [False, True, True]
    assert "And 20 gaps more, no longer than these." in page


def test_without_a_gap_there_is_no_word_of_gaps():
    assert "Gaps" not in _page([Source("any", LIVE, 9)])
