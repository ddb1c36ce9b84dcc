import pytest

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput
from collectors.inventory import WorkloadRef
from recommender.policy import IPBlock
from recommender.review import Decision, accept_observed, decisions_from_data, decisions_to_data, review
from recommender.widening import Widening
from tests.cluster import flow
from tests.recommender.test_suggest import _suggest

SEEN = _suggest(
    flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001), flow("10.0.0.3", "8.8.8.8", 443)
)


def test_without_decisions_everything_is_undecided_and_nothing_is_isolated():
    found = review(SEEN)
    assert (len(found.undecided), found.accepted, found.isolated) == (3, (), frozenset())


def test_c28_a_decline_is_sticky_and_accepting_the_observed_does_not_touch_it():
    declined = Decision(SEEN.items[0].id, "decline")
    found = review(SEEN, accept_observed(SEEN, [declined]))
    assert [item.id for item in found.declined] == [declined.id]
    assert len(found.accepted) == 2


def test_c28_a_decision_whose_suggestion_vanished_is_an_orphan_and_is_kept():
    found = review(SEEN, [Decision("0123456789ab", "accept", "gone")])
    assert [decision.what for decision in found.orphans] == ["gone"]
    assert found.accepted == ()


def test_c16_accepting_one_rule_half_decides_the_directions_it_isolates():
    api, web = WorkloadRef("shop", "Deployment", "api"), WorkloadRef("shop", "Deployment", "web")
    chosen = next(item for item in SEEN.items if item.communication.port == 3000)
    found = review(SEEN, [Decision(chosen.id, "accept")])
    assert found.isolated == {(api, "Ingress"), (web, "Egress")}
    assert {direction: len(items) for direction, items in found.half_decided.items()} == {
        (api, "Ingress"): 1,
        (web, "Egress"): 1,
    }


def test_c20_a_widening_is_recorded_marks_the_suggestion_and_changes_the_digest():
    (item,) = [i for i in SEEN.items if i.communication.port == 443]
    plain = review(SEEN, [Decision(item.id, "accept")])
    wide = review(SEEN, [Decision(item.id, "accept", widen=Widening(addresses=IPBlock("8.8.8.0/24")))])
    assert "widened" not in plain.accepted[0].caveats
    assert "widened" in wide.accepted[0].caveats
    assert plain.digest != wide.digest
    assert plain.digest == review(SEEN, [Decision(item.id, "accept", widen=Widening())]).digest


def test_a_widening_that_does_not_hold_what_was_seen_is_refused_by_name():
    (item,) = [i for i in SEEN.items if i.communication.port == 443]
    with pytest.raises(
        PodfenceError, match=r"8\.8\.8\.8 TCP/443\) has `addresses` that do not hold 8\.8\.8\.8; correct"
    ):
        review(SEEN, [Decision(item.id, "accept", widen=Widening(addresses=IPBlock("8.8.4.0/24")))])


def test_widenings_survive_the_file_and_declines_have_none():
    wide = Decision("b", "accept", "web -> x", widen=Widening(addresses=IPBlock("8.8.8.0/24"), options=("dns",)))
    exact = Decision("c", "accept", "web -> y", widen=Widening())
    data = decisions_to_data([wide, exact])
    assert decisions_from_data(data, "x") == (wide, exact)
    data["decisions"]["b"]["decision"] = "decline"
    with pytest.raises(UnreadableInput, match="x: decision 'b' declines and has `widen`; drop one"):
        decisions_from_data(data, "x")
    data["decisions"]["b"] = {"decision": "accept", "widen": {"ports": "9-1"}}
    with pytest.raises(UnreadableInput, match="x: decision 'b': `ports` is '9-1'"):
        decisions_from_data(data, "x")


def test_decisions_survive_the_file_and_are_sorted_by_what_they_say():
    decisions = (Decision("b", "accept", "web -> api"), Decision("a", "decline", "web -> db", "ann", "not ours"))
    data = decisions_to_data(reversed(decisions))
    assert list(data["decisions"]) == ["b", "a"]
    assert decisions_from_data(data, "x") == decisions


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"kind": "other"},
        {"kind": "podfence/decisions"},
        {"kind": "podfence/decisions", "version": True},
        {"kind": "podfence/decisions", "version": 1, "decisions": [1]},
        {"kind": "podfence/decisions", "version": 1, "decisions": {"a": "accept"}},
        {"kind": "podfence/decisions", "version": 1, "decisions": {"a": {"decision": "yes"}}},
        {"kind": "podfence/decisions", "version": 1, "decisions": {"a": {"decision": ["accept"]}}},
        {"kind": "podfence/decisions", "version": 1, "decisions": {"a": {"decision": {}}}},
    ],
)
def test_what_is_no_decisions_file_is_refused_naming_it(data):
    with pytest.raises(UnreadableInput, match=r"^d\.yaml: "):
        decisions_from_data(data, "d.yaml")


def test_a_file_of_a_newer_podfence_is_refused_with_both_versions():
    with pytest.raises(NewerArtefact, match="version 2, this podfence reads up to 1"):
        decisions_from_data({"kind": "podfence/decisions", "version": 2}, "d.yaml")
