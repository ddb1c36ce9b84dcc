"""What an export changes beside existing policies (semantics C26)."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.observation import ObservationWindow
from recommender.existing import AlreadyAllowed, KeptOpen, compare, existing
from recommender.existing_summary import existing_data
from recommender.generate import generate
from recommender.manifest_write import policy_to_object
from recommender.review import Decision, Reviewed, review
from recommender.simulate import simulate
from recommender.suggest import Suggestions, Withheld, suggest
from tests.recommender.simulated import app, policy, workload
from tests.recommender.unions import ENDS, POLICIES, SETTINGS, SHOP, SMALL, oriented, raw

OWN = {"app.kubernetes.io/managed-by": "podfence"}


def into(name, *peers, ports=()):
    """Make the spec of ingress into one app."""
    return {
        "podSelector": {"matchLabels": {"app": name}},
        "ingress": [{"from": list(peers), "ports": [{"port": number} for number in ports]}],
    }


def decided(communications, choices, inventory=SHOP):
    suggestions = suggest(communications, inventory, ObservationWindow())
    words = {str(c): choice for c, choice in zip(communications, choices, strict=True) if choice}
    found = [Decision(i.id, words[str(i.communication)]) for i in suggestions.items if str(i.communication) in words]
    return review(suggestions, found)


def compared(policies, communications, choices):
    inventory = replace(SHOP, policies=tuple(policies))
    reviewed = decided(communications, choices, inventory)
    return compare(generate(reviewed), reviewed, inventory)


def test_c26_policies_that_cannot_be_read_are_named_and_the_others_count():
    later = raw("later", podSelector={}, tiers=[1])
    found = existing(replace(SHOP, policies=(raw("good", podSelector={}), later)))
    assert [p.name for p in found.policies] == ["good"]
    (unread,) = found.unread
    assert unread.name == "shop/later"
    assert unread.reason.startswith("NetworkPolicy shop/later: spec.tiers: is a field that NetworkPolicy does not have")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ["podSelector", "policyTypes", "ingress", "egress"]
_BROKEN = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"name": _JSON, "namespace": _JSON, "labels": _JSON}) | _JSON,
        "spec": st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)) | _JSON,
        "kind": _JSON,
    },
)


@given(_BROKEN)
def test_c26_no_policy_object_is_a_crash(item):
    found = existing(replace(SHOP, policies=(item,)))
    assert len(found.policies) + len(found.own) + len(found.unread) == 1
    assert all(one.reason and len(one.name) <= 600 for one in found.unread)


def test_c26_in_force_is_all_that_can_be_read_by_name_whoever_made_it():
    mine, unread = raw("b", labels=OWN, podSelector={}), raw("c", podSelector={}, tiers=[1])
    found = existing(replace(SHOP, policies=(raw("d", podSelector={}), unread, mine, raw("a", podSelector={}))))
    assert [policy.key for policy in found.in_force] == [("shop", "a"), ("shop", "b"), ("shop", "d")]


def test_c26_policies_that_could_not_be_listed_are_refused_in_one_line_with_what_to_do():
    existing(SHOP).refuse_missing(Path("inv"), "look again")
    found = existing(replace(SHOP, missing={"NetworkPolicy": "forbidden\n" + "x" * 5000}))
    with pytest.raises(UnreadableInput, match=r"^inv: .* could not be listed \(forbidden x+\); look again$") as fault:
        found.refuse_missing(Path("inv"), "look again")
    assert len(str(fault.value)) < 400


def test_c26_earlier_exports_are_told_apart_and_what_the_new_one_lacks_is_stale():
    again = raw("db-podfence", labels=OWN, podSelector={})
    gone = raw("old-podfence", labels=OWN, **into("web"))
    report = compared([again, gone], [oriented("api", "db")], ["accept"])
    assert report.existing.policies == ()
    assert [p.name for p in report.existing.own] == ["db-podfence", "old-podfence"]
    assert [p.name for p in report.stale] == ["old-podfence"]
    assert existing_data(report)["stale"] == [
        {"name": "shop/old-podfence", "delete": "kubectl delete networkpolicy --namespace shop old-podfence"}
    ]


def test_c26_a_policy_of_others_with_an_exported_name_is_overwritten_and_opens_nothing_afterwards():
    report = compared([raw("db-podfence", **into("db", app("web")))],
                      [oriented("api", "db"), oriented("web", "db")], ["accept", "decline"])  # fmt: skip
    assert [p.name for p in report.overwritten] == ["db-podfence"]
    assert report.kept_open == ()


def test_c26_already_allowed_names_the_end_and_the_rule():
    communication = oriented("api", "db")
    report = compared([raw(**into("db", app("api"), ports=[80]))], [communication], ["accept"])
    assert report.already_allowed == (AlreadyAllowed(communication, "Ingress", ("shop/p ingress[0]",)),)
    assert report.added == ()
    assert report.isolates == {workload("db"): frozenset(["Ingress"])}


def test_c26_added_is_what_existing_policies_deny_and_the_union_allows():
    communication = oriented("api", "db")
    report = compared([raw(podSelector={})], [communication], ["accept"])
    assert report.added == (communication,)
    assert report.already_allowed == ()


@pytest.mark.parametrize(("choice", "word"), [("decline", "declined"), (None, "undecided")])
def test_c26_an_existing_rule_keeps_open_what_was_not_accepted(choice, word):
    kept = oriented("web", "db")
    report = compared([raw(**into("db", app("web")))], [oriented("api", "db"), kept], ["accept", choice])
    assert report.kept_open == (KeptOpen(kept, word, ("shop/p ingress[0]",)),)


def test_c26_what_is_open_because_nothing_isolates_it_is_not_kept_open_by_a_policy():
    report = compared([raw(**into("web"))], [oriented("web", "db")], ["decline"])
    assert report.kept_open == ()


def test_c26_a_withheld_communication_is_kept_open_too():
    scan = oriented("web", "db", 22)
    reviewed = Reviewed(Suggestions(withheld=(Withheld(scan, "did_not_work", "refused"),)))
    inventory = replace(SHOP, policies=(raw(**into("db", app("web"))),))
    report = compare([], reviewed, inventory)
    assert [(k.decided, k.rules) for k in report.kept_open] == [("withheld", ("shop/p ingress[0]",))]
    local = Reviewed(Suggestions(withheld=(Withheld(scan, "node_local", "own node"),)))
    assert compare([], local, inventory).kept_open == ()


def test_c26_what_only_stale_policies_keep_open_closes_when_they_are_deleted():
    kept = oriented("web", "db")
    policies = [raw("old-podfence", labels=OWN, **into("db", app("web")))]
    report = compared(policies, [oriented("api", "db"), kept], ["accept", "decline"])
    assert report.kept_open == (KeptOpen(kept, "declined", ("shop/old-podfence ingress[0]",), stale=True),)


def test_c26_a_union_breaks_where_an_existing_policy_isolates_an_end_that_the_export_says_nothing_of():
    communication = oriented("api", "db")
    reviewed = decided([communication], ["accept"])
    half = policy("db", select={"app": "db"}, ingress=[{"from": [app("api")]}])
    closed = raw("closed", podSelector={"matchLabels": {"app": "api"}}, policyTypes=["Egress"])
    report = compare([half], reviewed, replace(SHOP, policies=(closed,)))
    assert [outcome.communication for outcome in report.would_still_break] == [communication]


_TRAFFIC = st.lists(
    st.sampled_from([oriented(s, d, p) for s in ENDS for d in (*ENDS, "198.51.100.5") for p in (1, 2) if s != d]),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


@SETTINGS
@given(POLICIES, _TRAFFIC, st.lists(st.sampled_from(["accept", "decline", None]), min_size=6, max_size=6))
def test_c26_a_union_only_adds_so_that_no_accepted_communication_breaks(policies, traffic, choices):
    inventory = replace(SMALL, policies=tuple(policy_to_object(p) for p in policies))
    reviewed = decided(traffic, choices[: len(traffic)], inventory)
    export = generate(reviewed)
    report = compare(export, reviewed, inventory)
    assert report.would_still_break == ()
    # what is kept open is allowed, and denied at that end as soon as others' policies allow nothing
    for kept in report.kept_open:
        silent = [replace(p, ingress=(), egress=()) for p in policies]
        (outcome,) = simulate([*silent, *export], [kept.communication], inventory)
        assert outcome.verdict == "denied"


@SETTINGS
@given(POLICIES, POLICIES, _TRAFFIC)
def test_c26_what_is_known_of_the_export_alone_gives_the_same_sooner(policies, export, traffic):
    inventory = replace(SMALL, policies=tuple(policy_to_object(p) for p in policies))
    reviewed = decided(traffic, ["accept"] * len(traffic), inventory)
    export = [replace(p, name=f"export-{p.name}") for p in export]
    outcomes = simulate(export, traffic, inventory)
    assert compare(export, reviewed, inventory, outcomes) == compare(export, reviewed, inventory)


@SETTINGS
@given(POLICIES, _TRAFFIC)
def test_c26_the_report_does_not_depend_on_the_order_of_the_policies(policies, traffic):
    reviewed = decided(traffic, ["accept"] * len(traffic), SMALL)
    items = [policy_to_object(p) for p in policies]
    reports = [
        existing_data(compare(generate(reviewed), reviewed, replace(SMALL, policies=tuple(listed))))
        for listed in (items, items[::-1])
    ]
    assert reports[0] == reports[1]
