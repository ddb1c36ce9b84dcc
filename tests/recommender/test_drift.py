"""Drift is exactly what was not approved: nothing against itself, what was added, what is not there any more."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import WorkloadRef
from collectors.observation import Gap, Observation, ObservationWindow, Source, merge
from recommender.communications import meaning
from recommender.coverage_model import CoverageOptions, Thresholds
from recommender.drift import by_workload, drift
from recommender.generate import GenerateOptions
from recommender.policy import EGRESS, INGRESS, IPBlock
from recommender.review import Decision, review
from recommender.stages import spoken, suggested
from recommender.widening import Widening
from tests.cluster import deployment, flow, flows, inventory, namespace, pod
from tests.recommender.semantics.towns import towns, traffic

START = pd.Timestamp("2026-11-01T11:00:00Z")
DAY = pd.Timedelta(days=1)
SHOP = [
    namespace("shop"), deployment("web", ["10.0.0.1"]), deployment("api", ["10.0.0.2"]), deployment("db", ["10.0.0.3"]),
    deployment("job", ["10.0.0.4"]),
]  # fmt: skip
CLUSTER = inventory(*SHOP)
WEB, API, DB, JOB = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
EASY = Thresholds(unseen=1.1, quiet=0.0, watched=pd.Timedelta(0))
STABLE = CoverageOptions(stable=EASY, stabilising=EASY)
WORDS = st.lists(st.sampled_from(["accept", "accept", "decline"]), min_size=20, max_size=20)


def observed(*rows, sources=(), gaps=()):
    """Make an observation of flows, watched for a day."""
    window = ObservationWindow.of(sources or [Source("test.pcap", "pcap", 9, start=START, end=START + DAY)], gaps)
    return Observation(flows(*rows), window) if rows else Observation(window=window)


def reviewed(observation, known=CLUSTER, words=("accept",) * 20, widen=None):
    """Decide everything that an observation suggests."""
    suggestions = suggested(observation, known).suggestions
    decisions = [
        Decision(item.id, words[at % 20], widen=widen if words[at % 20] == "accept" else None)
        for at, item in enumerate(suggestions.items)
    ]
    return review(suggestions, decisions)


def meanings(communications):
    return {meaning(communication) for communication in communications}


def worked(observation, known):
    return {meaning(one) for one in spoken(observation, known) if one.evidence.worked}


def lives(*parts, outcome=None):
    """Draw a cluster, and as many independent observations of it as there are parts."""

    @st.composite
    def drawn(draw):
        town = draw(towns())
        rows = [draw(traffic(town)) for _ in parts]
        fixed = {"outcome": outcome} if outcome else {}
        return town.inventory, *(observed(*({**row, **fixed} for row in some)) for some in rows)

    return drawn()


@given(lives("a"), WORDS, st.booleans())
def test_an_observation_does_not_drift_from_decisions_made_from_itself(life, words, default_deny):
    known, seen = life
    found = drift(reviewed(seen, known, words), seen, known, GenerateOptions(default_deny))
    assert (found.new, found.widened, found.vanished, found.would_break) == ((), (), (), ())
    assert not found.has_drifted(vanished=True)


@given(lives("a", "b", outcome="established"))
def test_what_is_new_in_a_and_b_against_a_is_exactly_what_b_adds(life):
    known, a, b = life
    found = drift(reviewed(a, known), merge([a, b]), known)
    new = [item.communication for item in found.new]
    assert meanings(new) == meanings(spoken(b, known)) - meanings(spoken(a, known))
    assert new == sorted(new, key=meaning)
    assert found.vanished == ()


@given(lives("a", "b"), WORDS)
def test_what_vanished_is_exactly_what_was_approved_and_did_not_work_this_time(life, words):
    known, a, b = life
    approved = reviewed(a, known, words)
    found = drift(approved, b, known)
    gone = [item.suggestion.communication for item in found.vanished]
    assert meanings(gone) == meanings(item.communication for item in approved.accepted) - worked(b, known)
    assert not any(item.likely_gone for item in found.vanished)


@given(lives("a", "b"), WORDS)
def test_what_would_be_denied_worked_and_was_not_declined(life, words):
    known, a, b = life
    approved = reviewed(a, known, words)
    declined = meanings(item.communication for item in approved.declined)
    denied = meanings(change.communication for change in drift(approved, b, known).would_break)
    assert denied <= worked(b, known) - declined
    assert not denied & meanings(item.communication for item in approved.accepted)


def test_what_is_new_says_what_suggest_says_of_it_and_what_the_policies_do_to_it():
    before = observed(flow(WEB, API, 80), flow(API, DB, 5432))
    after = observed(
        flow(WEB, API, 80), flow(API, DB, 5432), flow(JOB, DB, 5432), flow(WEB, DB, 5432, outcome="refused")
    )
    found = drift(reviewed(before), after, CLUSTER)
    assert [(str(item.communication), item.why, item.outcome.verdict) for item in found.new] == [
        ("shop/Deployment/job -> shop/Deployment/db TCP/5432", "", "denied"),
        ("shop/Deployment/web -> shop/Deployment/db TCP/5432", "did_not_work", "denied"),
    ]
    assert found.new[1].found.reason == "no attempt worked (1 refused): evidence against, not for"
    assert [str(change.communication) for change in found.would_break] == [str(found.new[0].communication)]


def test_what_did_not_work_at_the_review_and_works_now_is_new():
    before, after = observed(flow(WEB, API, 80, outcome="refused")), observed(flow(WEB, API, 80))
    (found,) = drift(reviewed(before), after, CLUSTER).new
    assert (found.why, found.communication.port) == ("", 80)
    assert drift(reviewed(before), before, CLUSTER).new == ()


def test_attempts_that_did_not_work_are_drift_unless_only_what_worked_is_asked_for():
    found = drift(reviewed(observed()), observed(flow(WEB, API, 80, outcome="refused")), CLUSTER)
    assert found.has_drifted()
    assert not found.has_drifted(worked=True)


def test_what_vanished_alone_is_drift_only_where_that_is_asked_for():
    found = drift(reviewed(observed(flow(WEB, API, 80))), observed(), CLUSTER)
    assert len(found.vanished) == 1
    assert not found.has_drifted()
    assert found.has_drifted(vanished=True)


RANGE = Widening(addresses=IPBlock("203.0.113.0/24", ("203.0.113.128/25",)))


@pytest.mark.parametrize(
    ("widening", "row", "held"),
    [
        (RANGE, flow("203.0.113.9", WEB, 80), True),
        (RANGE, flow("203.0.113.9", WEB, 81), False),
        (RANGE, flow("203.0.113.9", API, 80), False),
        (RANGE, flow("203.0.113.200", WEB, 80), False),
        (RANGE, flow("198.51.100.9", WEB, 80), False),
        (Widening(ports=(80, 90)), flow("203.0.113.7", WEB, 90), True),
        (Widening(ports=(80, 90)), flow("203.0.113.7", WEB, 91), False),
        (Widening(ports=(80, 90)), flow("203.0.113.9", WEB, 90), False),
        (Widening(protocols=("TCP", "UDP")), flow("203.0.113.7", WEB, 80, "UDP"), True),
        (Widening(ports=(80, 90)), flow("203.0.113.7", WEB, 80, "UDP"), False),
        (Widening(destination=True), flow("203.0.113.7", API, 80), True),
        (Widening(destination=True), flow("203.0.113.9", API, 80), False),
        (replace(RANGE, destination=True, ports=(80, 90)), flow("203.0.113.9", API, 85), True),
        (None, flow("203.0.113.9", WEB, 80), False),
    ],
)
def test_what_a_widened_acceptance_holds_was_approved_ahead_and_is_no_drift(widening, row, held):
    client = flow("203.0.113.7", WEB, 80)
    approved = reviewed(observed(client), widen=widening)
    found = drift(approved, observed(client, row), CLUSTER)
    assert [item.decision for item in found.widened] == [approved.accepted[0].id] * held
    assert [item.decision for item in found.new] == [""] * (not held)


def test_a_whole_namespace_as_source_holds_its_other_workloads():
    approved = reviewed(observed(flow(WEB, API, 80)), widen=Widening(source=True))
    found = drift(approved, observed(flow(JOB, API, 80), flow(JOB, DB, 80)), CLUSTER)
    assert [str(item.communication) for item in found.widened] == ["shop/Deployment/job -> shop/Deployment/api TCP/80"]
    assert [str(item.communication) for item in found.new] == ["shop/Deployment/job -> shop/Deployment/db TCP/80"]


def test_what_no_rule_can_say_was_known_at_the_review_and_is_no_drift():
    known = inventory(*SHOP, pod("bare", "10.0.0.9"))
    before = observed(flow(WEB, API, 80), flow("10.0.0.9", API, 80))
    found = drift(reviewed(before, known), before, known)
    assert [(change.decided, change.fate) for change in found.known] == [("withheld", "would_break")]
    assert not found.has_drifted()
    first = drift(reviewed(observed(flow(WEB, API, 80)), known), before, known)
    assert [change.decided for change in first.would_break] == [""]


def test_what_is_undecided_and_would_be_denied_is_drift():
    seen = observed(flow(WEB, API, 80), flow(JOB, API, 80))
    suggestions = suggested(seen, CLUSTER).suggestions
    half = review(suggestions, [Decision(suggestions.items[0].id, "accept")])
    found = drift(half, seen, CLUSTER)
    assert (found.new, found.undecided) == ((), 1)
    assert [change.decided for change in found.would_break] == ["undecided"]


OTHERS = (flow(WEB, DB, 5432), flow(JOB, API, 81))
"""What goes on at both ends of web -> api once that is not seen any more."""


def _gone(*, again=OTHERS, options=STABLE, known=CLUSTER, before=DAY, **window):
    """Approve web -> api and more, observe only the more, and return what is said of web -> api."""
    approved = reviewed(observed(flow(WEB, API, 80), *again))
    approved = replace(
        approved, suggestions=replace(approved.suggestions, window_start=START, window_end=START + before)
    )
    found = drift(approved, observed(*again, **window), known, coverage_options=options)
    (item,) = found.vanished
    return item, found.doubts


def test_absence_tells_where_both_ends_are_stable_and_nothing_was_lost():
    item, doubts = _gone()
    assert (item.likely_gone, doubts) == (True, ())
    assert item.reason.startswith("shop/Deployment/api: 1 sighting of 1 edge")
    assert " shop/Deployment/web: 1 sighting of 1 edge" in item.reason


def test_absence_proves_nothing_while_an_end_is_not_stable():
    item, _ = _gone(options=CoverageOptions())
    assert not item.likely_gone
    assert item.reason.startswith("shop/Deployment/api: Still learning: ")
    silent, _ = _gone(again=(flow(WEB, DB, 5432),))
    assert not silent.likely_gone
    assert silent.reason == "shop/Deployment/api: No traffic was seen in 1 day: nothing is known of it."


LOSSY = Source("test.pcap", "pcap", 9, start=START, end=START + DAY, drops=1)


@pytest.mark.parametrize(
    ("how", "doubt"),
    [
        ({"before": 7 * DAY}, "watched for 1 day, the review rests on 7 days"),
        ({"sources": [LOSSY]}, "a source lost packets or events"),
        (
            {"gaps": [Gap("test.pcap", START, START + pd.Timedelta(minutes=3))]},
            "a source lost packets or events in gaps of 3 minutes",
        ),
        (
            {"again": (flow(WEB, DB, 5432, sampled=0.02), flow(JOB, API, 81))},
            "a source keeps one of 50, where absence proves nothing",
        ),
        (
            {"known": replace(CLUSTER, gaps=2)},
            "the inventory has gaps (2); workloads that came and went in them are not known",
        ),
    ],
)
def test_absence_never_proves_anything_where_the_observation_may_have_missed_it(how, doubt):
    item, doubts = _gone(**how)
    assert not item.likely_gone
    assert doubts == (doubt,)


def test_a_watch_that_is_shorter_by_a_moment_is_long_enough():
    item, doubts = _gone(before=DAY + pd.Timedelta(minutes=5))
    assert (item.likely_gone, doubts) == (True, ())


def test_a_log_that_never_shows_everything_proves_no_absence():
    partial = Source("test.pcap", "aws-vpc", 9, start=START, end=START + DAY)
    item, _ = _gone(sources=[partial])
    assert not item.likely_gone
    assert "no source of it shows everything: one tells nothing of traffic between pods of one node" in item.reason


def test_a_workload_that_nothing_has_any_more_may_be_gone():
    without = inventory(*SHOP[:2], *SHOP[3:])
    item, _ = _gone(again=(flow(WEB, DB, 5432),), known=without)
    assert not item.likely_gone
    assert item.reason == "shop/Deployment/api: Neither the inventory nor the traffic has it: it may be gone."


def test_what_was_tried_and_did_not_work_is_told_so_and_proves_nothing():
    approved = reviewed(observed(flow(WEB, API, 80)))
    again = observed(flow(WEB, API, 80, outcome="refused", connections=3))
    (item,) = drift(approved, again, CLUSTER, coverage_options=STABLE).vanished
    assert (item.likely_gone, item.reason) == (False, "It was tried, and did not work (3 refused).")


def test_each_communication_counts_at_both_of_its_workloads():
    seen = spoken(observed(flow(WEB, API, 80), flow(WEB, API, 81), flow("203.0.113.7", WEB, 80)), CLUSTER)
    web, api = (WorkloadRef("shop", "Deployment", name) for name in ("web", "api"))
    assert by_workload(seen) == {(api, INGRESS): 2, (web, EGRESS): 2, (web, INGRESS): 1}
    assert list(by_workload(seen)) == sorted(by_workload(seen))
