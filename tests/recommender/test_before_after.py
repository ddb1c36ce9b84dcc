"""What becomes of each communication when policies change: exactly one fate, told apart by what worked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.before_after import FATES, BeforeAfter, Change, compare_outcomes
from recommender.before_after_words import before_after_data, before_after_lines
from recommender.communications import meaning
from recommender.outcomes import EndVerdict, Outcome
from recommender.policy import EGRESS, INGRESS
from recommender.review import Decision, accept_observed, review
from recommender.simulate import simulate
from recommender.suggest import suggest
from tests.recommender.simulated import T0, app, cluster, pod, policy, seen, tcp, workload

FAILED = {"connections": 0, "failed": (("refused", 1),)}
VERDICTS = ["allowed", "denied", "undecidable"]
SMALL = cluster(pod("web", "10.0.0.1"), pod("api", "10.0.0.2"), pod("db", "10.0.0.3"))
WEB_API, API_DB, WEB_DB = seen("web", "api"), seen("api", "db"), seen("web", "db")


def _failed(communication):
    return replace(communication, evidence=replace(communication.evidence, **FAILED))


def _outcome(communication, verdict):
    end = EndVerdict(verdict, True, ("shop/p",), (), "why")
    return Outcome(communication, verdict, end, end, f"{verdict}: because")


def _change(before, after, *, worked=True, decided=""):
    communication = WEB_API if worked else _failed(WEB_API)
    return Change(_outcome(communication, before), _outcome(communication, after), decided)


@pytest.mark.parametrize(
    ("before", "after", "worked", "fate"),
    [
        ("allowed", "allowed", True, "stays_allowed"),
        ("allowed", "allowed", False, "stays_allowed"),
        ("allowed", "denied", True, "would_break"),
        ("allowed", "denied", False, "newly_denied"),
        ("allowed", "undecidable", True, "undecidable"),
        ("denied", "allowed", True, "newly_allowed"),
        ("denied", "allowed", False, "newly_allowed"),
        ("denied", "denied", True, "would_break"),
        ("denied", "denied", False, "stays_denied"),
        ("denied", "undecidable", False, "undecidable"),
        ("undecidable", "allowed", True, "stays_allowed"),
        ("undecidable", "allowed", False, "undecidable"),
        ("undecidable", "denied", True, "would_break"),
        ("undecidable", "denied", False, "undecidable"),
        ("undecidable", "undecidable", True, "undecidable"),
    ],
)
def test_d31_each_communication_has_the_fate_that_its_verdicts_and_its_evidence_give(before, after, worked, fate):
    assert _change(before, after, worked=worked).fate == fate


@given(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS), st.booleans(), st.sampled_from(["", "declined"]))
def test_d31_what_breaks_is_exactly_what_worked_and_is_denied_and_not_declined(before, after, worked, decided):
    fate = _change(before, after, worked=worked, decided=decided).fate
    assert (fate == "would_break") == (worked and after == "denied" and decided != "declined")
    assert (fate == "declined") <= (decided == "declined" and after == "denied")


@pytest.mark.parametrize("evidence", [{"connections": 1}, {"connections": 0, "one_way": 1}])
def test_one_way_datagrams_worked_as_connections_did(evidence):
    communication = replace(WEB_API, evidence=replace(WEB_API.evidence, **evidence))
    assert Change(_outcome(communication, "allowed"), _outcome(communication, "denied")).fate == "would_break"


def test_what_worked_although_the_policies_before_deny_it_is_named():
    found = BeforeAfter((_change("denied", "allowed"), _change("denied", "allowed", worked=False)))
    assert found.contradicted == found.changes[:1]
    assert "worked although the policies before deny it" in "\n".join(before_after_lines(found))


@given(st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS), st.booleans()), max_size=8))
def test_every_communication_is_counted_once_and_at_each_of_its_workloads(drawn):
    found = BeforeAfter(tuple(_change(before, after, worked=worked) for before, after, worked in drawn))
    assert list(found.counts) == list(FATES)
    assert sum(found.counts.values()) == len(drawn)
    assert sum(sum(impact.counts.values()) for impact in found.impacts) == 2 * len(drawn)
    assert all(len(some) <= 3 for impact in found.impacts for some in impact.examples.values())


def _compared(*policies, before=(), reviewed=None):
    communications = (WEB_API, API_DB, WEB_DB)
    return compare_outcomes(
        simulate(before, communications, SMALL), simulate(policies, communications, SMALL), reviewed
    )


def test_workloads_are_told_by_direction_with_examples():
    closed = policy("only-api", select={"app": "db"}, ingress=[{"from": [app("api")], "ports": tcp(80)}])
    impacts = {(i.workload, i.direction): i.counts for i in _compared(closed).impacts}
    assert impacts == {
        (workload("api"), EGRESS): {"stays_allowed": 1},
        (workload("api"), INGRESS): {"stays_allowed": 1},
        (workload("db"), INGRESS): {"would_break": 1, "stays_allowed": 1},
        (workload("web"), EGRESS): {"would_break": 1, "stays_allowed": 1},
    }


def test_what_would_break_is_told_in_full_with_the_policy_that_decides():
    found = _compared(policy("closed", select={"app": "db"}, types=["Ingress"]))
    text = "\n".join(before_after_lines(found))
    assert text.startswith("would break         2  worked when observed, denied after\n")
    for src in ("web", "api"):
        assert (
            f"  shop/Deployment/{src} -> shop/Deployment/db TCP/80\n      denied: ingress of shop/Deployment/db" in text
        )
    assert "isolated by shop/closed and no rule lets TCP/80" in text
    data = before_after_data(found)
    assert (data["would_break"], data["denied"], data["allowed"]) == (2, 2, 1)
    broken = [entry for entry in data["outcomes"] if entry["class"] == "would_break"]
    assert [entry["policies"] for entry in broken] == [["shop/closed"]] * 2


def test_d31_a_review_tells_declined_from_broken_and_undecided_apart():
    oriented = [
        replace(c, evidence=replace(c.evidence, orientations=("handshake",))) for c in (WEB_API, API_DB, WEB_DB)
    ]
    suggestions = suggest(oriented, SMALL, ObservationWindow(T0, T0))
    ids = {meaning(item.communication): item.id for item in suggestions.items}
    accepted = {item.id: item for item in accept_observed(suggestions)}
    reviewed = review(suggestions, [Decision(ids[meaning(WEB_DB)], "decline"), accepted[ids[meaning(WEB_API)]]])
    deny = policy("closed", select={"app": "db"}, types=["Ingress"])
    found = _compared(deny, reviewed=reviewed)
    fates = {change.communication: (change.fate, change.decided) for change in found.changes}
    assert fates == {
        WEB_DB: ("declined", "declined"),
        API_DB: ("would_break", "undecided"),
        WEB_API: ("stays_allowed", "accepted"),
    }
    text = "\n".join(before_after_lines(found))
    assert "would break: 1 (1 undecided)" in text
    assert "declined            1  denied after, as the review wants it" in text
    assert _compared(reviewed=reviewed).declined_open[0].communication == WEB_DB


def test_names_of_others_make_no_endless_line():
    long = seen("w" * 5000, "a" * 5000)
    found = BeforeAfter((Change(_outcome(long, "allowed"), replace(_outcome(long, "denied"), reason="r" * 9000)),))
    assert max(map(len, before_after_lines(found))) <= 2000
