"""Whatever is applied, and whatever others do afterwards: undo gives back what was, and touches nothing of theirs."""

import copy
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.applier import connect_applier
from recommender.applying import content, is_same, plan, read_live
from recommender.manifest import policy_from_object
from recommender.rollout import carry_out, dry_run, plan_undo, take_back
from recommender.undo_store import Journal, load_undo
from tests.collectors.applyserver import policy, serve_policies

NAMES = ["a", "b", "c", "d"]
OURS = {"app.kubernetes.io/managed-by": "podfence"}
ports = st.integers(1, 3)
held = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(ports, st.sampled_from(["podfence", "kubectl", "both", "theirs"])), max_size=4
)
wanted = st.dictionaries(st.sampled_from(NAMES), ports, max_size=4)
later = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["edit", "delete", "anew", "label"]), max_size=2)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_policies(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def applier(server):
    with closing(connect_applier(kubeconfig=server.kubeconfig())) as found:
        yield found


def _start(server, items):
    server.held.clear()
    for name, (port, manager) in items.items():
        item = policy("shop", name, port=port, labels={} if manager == "theirs" else OURS)
        if manager in {"podfence", "both"}:
            server.put(item, "podfence", "Apply")
        if manager != "podfence":
            server.put({**item, "metadata": {**item["metadata"], "annotations": {"mine": "1"}}})


def _change(server, what):
    for name, how in what.items():
        item = server.held.get(("shop", name))
        if how in {"delete", "anew"}:
            server.held.pop(("shop", name), None)
        if how == "anew":
            server.put(policy("shop", name, port=9, labels=OURS), "podfence", "Apply")
        elif item is not None and how != "delete":
            fresh = copy.deepcopy(item)
            if how == "edit":
                fresh["spec"]["ingress"][0]["ports"][0]["port"] = 77
            else:
                fresh["metadata"].setdefault("labels", {})["theirs"] = "1"
            server.put(fresh)


def _applied(applier, folder, want, *, force, prune):
    policies = [policy_from_object(policy("shop", name, port=port, labels=OURS), name) for name, port in want.items()]
    rehearsed = dry_run(applier, plan(policies, applier.policies(), prune=prune, prune_in=["shop"]), force=force)
    if rehearsed.refused:
        return None
    journal = Journal(Path(folder), applier.where, datetime(2026, 11, 22, tzinfo=UTC))
    carry_out(applier, rehearsed.plan.steps, journal, lambda _: None, force=force)
    return load_undo(journal.file)


@settings(max_examples=60)
@given(held, wanted, later, st.booleans(), st.booleans())
def test_undo_gives_back_what_podfence_changed_and_touches_nothing_that_others_changed_since(
    server, applier, before, want, after, force, prune
):
    _start(server, before)
    start = copy.deepcopy(server.held)
    with tempfile.TemporaryDirectory() as folder:
        undo = _applied(applier, folder, want, force=force, prune=prune)
        if undo is None:
            assert server.held == start
            return
        for name in want:
            live, _ = read_live([server.held["shop", name]])
            assert live[0].ingress[0].ports[0].port == want[name]
        left = copy.deepcopy(server.held)
        _change(server, after)
        changed = {key for key in left.keys() | server.held.keys() if left.get(key) != server.held.get(key)}
        theirs = {key: copy.deepcopy(server.held.get(key)) for key in changed}
        take_back(applier, plan_undo(applier, undo), lambda *_: None)
        for key in start.keys() | left.keys() | changed:
            name, now = key[1], server.held.get(key)
            if key in changed:
                assert now == theirs[key]
            else:
                assert (now is None) == (key not in start)
                assert now is None or content(now) == content(start[key])
                alone = before.get(name, (0, "podfence"))[1] == "podfence"
                assert now is None or not alone or is_same(now, start[key])
        again = plan_undo(applier, undo)
        assert {step.action for step in again} <= {"leave"}


@settings(max_examples=30)
@given(held, wanted, st.booleans())
def test_without_force_no_field_that_another_manager_holds_ever_changes(server, applier, before, want, prune):
    _start(server, before)
    start = copy.deepcopy(server.held)
    with tempfile.TemporaryDirectory() as folder:
        _applied(applier, folder, want, force=False, prune=prune)
    for key, item in start.items():
        if before[key[1]][1] != "podfence":
            assert content(server.held[key])["spec"] == content(item)["spec"]
            assert server.held[key]["metadata"]["annotations"] == item["metadata"]["annotations"]


@settings(max_examples=30)
@given(held, wanted, st.booleans())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(server, applier, before, want, prune):
    _start(server, before)
    with tempfile.TemporaryDirectory() as folder:
        _applied(applier, folder, want, force=True, prune=prune)
        policies = [policy_from_object(policy("shop", n, port=port, labels=OURS), n) for n, port in want.items()]
        again = dry_run(applier, plan(policies, applier.policies(), prune=prune, prune_in=["shop"]))
        assert again.refused == ()
        assert again.plan.namespaces == ()


def test_what_opens_comes_before_what_closes(server, applier, tmp_path):
    server.held.clear()
    closed = {"podSelector": {}, "policyTypes": ["Ingress"]}
    before = [policy("shop", "m", labels=OURS), {**policy("shop", "z-old", labels=OURS), "spec": closed}]
    for item in before:
        server.put(item, "podfence", "Apply")
    items = [{**policy("shop", "a-deny", labels=OURS), "spec": closed}, policy("shop", "b", labels=OURS)]
    wanted = [policy_from_object(item, "test") for item in items]
    rehearsed = dry_run(applier, plan(wanted, applier.policies(), prune=True))
    done, journal = [], Journal(tmp_path, applier.where, datetime(2026, 11, 23, tzinfo=UTC))
    carry_out(applier, rehearsed.plan.of("shop"), journal, lambda step: done.append((step.action, step.name)))
    assert done == [("remove", "z-old"), ("create", "b"), ("create", "a-deny"), ("remove", "m")]
    back = [(step.action, step.entry.name) for step in plan_undo(applier, load_undo(journal.file))]
    assert back == [("recreate", "m"), ("delete", "a-deny"), ("delete", "b"), ("recreate", "z-old")]
