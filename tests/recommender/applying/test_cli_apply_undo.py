"""`podfence apply` when something goes wrong: faults, races, a kill in the middle, and the way back."""

import copy
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.collectors.applyserver import DROP, DROP_AFTER, Fault, policy, serve_policies
from tests.recommender.applying.helpers import SAMPLES, apply, ours, state, typed, undo_file, written
from tests.recommender.commands import podfence


def test_applying_again_changes_nothing_and_writes_no_undo_file(server, job):
    apply(server, job / "policies", "--yes")
    before, first = copy.deepcopy(server.held), undo_file()
    status, out, err = apply(server, job / "policies", "--yes")
    assert (status, out) == (0, "")
    assert "create" not in err
    assert (server.held, undo_file()) == (before, first)


def test_undoing_an_apply_gives_every_policy_back_as_it_was_with_who_holds_its_fields(server, tmp_path):
    server.put(ours("shop", "a", port=1), "podfence", "Apply")
    server.put(ours("shop", "gone", annotations={"podfence/review": "1"}), "podfence", "Apply")
    server.put(policy("shop", "theirs"))
    before = state(server)
    folder = written(tmp_path / "d", ours("shop", "a", port=2, app="other"), ours("shop", "new"), ours("data", "b"))
    status, out, _ = apply(server, folder, "--yes", "--prune")
    assert (status, len(out.splitlines())) == (0, 4)
    assert state(server) != before
    status, out, _ = apply(server, "--undo", undo_file(), "--yes")
    assert sorted(out.splitlines()) == ["deleted data/b", "deleted shop/new", "recreated shop/gone", "restored shop/a"]
    assert (status, state(server)) == (0, before)
    status, out, err = apply(server, "--undo", undo_file(), "--yes")
    assert (status, out) == (0, "")
    assert (state(server), "nothing to take back" in err) == (before, True)


def test_undo_leaves_what_somebody_changed_or_made_anew_since(server, tmp_path):
    server.put(ours("shop", "a", port=1), "podfence", "Apply")
    server.put(ours("shop", "gone"), "podfence", "Apply")
    folder = written(tmp_path / "d", ours("shop", "a", port=2), ours("shop", "new"), ours("shop", "same"))
    apply(server, folder, "--yes", "--prune")
    server.put(ours("shop", "a", port=3))
    server.put(policy("shop", "gone"))
    labelled = copy.deepcopy(server.held["shop", "new"])
    labelled["metadata"]["labels"]["mine"] = "yes"
    server.put(labelled)
    before = copy.deepcopy(server.held)
    status, out, _ = apply(server, "--undo", undo_file(), "--yes", "--json")
    told = {step["policy"]: (step["action"], step["why"]) for step in json.loads(out)["steps"]}
    assert status == 1
    assert told == {
        "shop/a": ("leave", "it was changed since"),
        "shop/gone": ("leave", "somebody made it anew"),
        "shop/new": ("leave", "it was changed since, or made by somebody else"),
        "shop/same": ("delete", ""),
    }
    del before["shop", "same"]
    assert server.held == before


def test_undo_deletes_nothing_that_was_deleted_and_made_again_alike(server, tmp_path):
    apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes")
    alike = server.held.pop(("shop", "a"))
    server.put(ours("shop", "a"), "podfence", "Apply")
    assert server.held["shop", "a"]["metadata"]["uid"] != alike["metadata"]["uid"]
    assert apply(server, "--undo", undo_file(), "--yes")[0] == 1
    assert ("shop", "a") in server.held


def test_force_says_whose_fields_it_takes_and_undo_gives_the_content_back(server, tmp_path):
    server.put(ours("shop", "a", port=1), "kubectl-edit")
    before = copy.deepcopy(server.held["shop", "a"])
    status, _, err = apply(server, written(tmp_path / "d", ours("shop", "a", port=2)), "--yes", "--force")
    assert (status, "--force takes over shop/a: .spec.ingress of kubectl-edit" in err) == (0, True)
    assert server.held["shop", "a"]["spec"] != before["spec"]
    assert apply(server, "--undo", undo_file(), "--yes")[0] == 0
    after = server.held["shop", "a"]
    assert (after["spec"], after["metadata"]["labels"]) == (before["spec"], before["metadata"]["labels"])
    holders = {entry["manager"] for entry in after["metadata"]["managedFields"]}
    assert holders == {"kubectl-edit", "podfence-undo"}


def test_undo_asks_once_and_a_no_changes_nothing(server, tmp_path, monkeypatch):
    apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes")
    with typed(monkeypatch, "n\ny\n"):
        assert apply(server, "--undo", undo_file())[0] == 1
        assert ("shop", "a") in server.held
        assert apply(server, "--undo", undo_file())[:2] == (0, "deleted shop/a")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            (403, "Forbidden", 'User "np-reader" cannot patch'),
            "user 'np-reader' may not (403); apply deploy/apply/rbac",
        ),
        ((422, "Invalid", "spec.ingress[0]: Invalid value"), "the API server refuses it (spec.ingress[0]: Invalid"),
        ((500, "InternalError", "etcd is gone"), "overloaded or broken (500) (etcd is gone)"),
        ((401, "Unauthorized", ""), "the credentials are not accepted (401)"),
        (DROP, "the connection broke in the middle of the answer"),
    ],
)
def test_a_fault_in_the_middle_stops_and_the_undo_file_takes_back_what_was_done(
    server, tmp_path, monkeypatch, answer, says
):
    monkeypatch.setattr("recommender.rollout._FIRST_PAUSE", 0.01)
    server.put(ours("data", "a", port=1), "podfence", "Apply")
    before = state(server)
    folder = written(tmp_path / "d", ours("data", "a", port=2), ours("data", "b"), ours("shop", "c"))
    server.faults.append(Fault("PATCH", "b", answer, times=99))
    status, out, err = apply(server, folder, "--yes")
    assert (status, out) == (2, "changed data/a")
    assert says in err.splitlines()[-1]
    assert "stopped: 1 of 3 changes are done" in err
    assert f"to take it back: podfence apply --undo {undo_file()}" in err
    assert apply(server, "--undo", undo_file(), "--yes")[:2] == (0, "left data/b: it is not there\nrestored data/a")
    assert state(server) == before


@pytest.mark.parametrize("answer", [(500, "InternalError", ""), (429, "TooManyRequests", ""), DROP, DROP_AFTER])
@pytest.mark.parametrize("dry", [True, False])
def test_a_fault_that_passes_is_got_over_and_nothing_is_done_twice(server, tmp_path, monkeypatch, answer, dry):
    monkeypatch.setattr("recommender.rollout._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("collectors.applier._FIRST_PAUSE", 0.01)
    server.put(ours("shop", "a", port=1), "podfence", "Apply")
    server.put(ours("shop", "gone"), "podfence", "Apply")
    before = state(server)
    folder = written(tmp_path / "d", ours("shop", "a", port=2), ours("shop", "b"))
    for method, name in (("PATCH", "a"), ("PATCH", "b"), ("DELETE", "gone")):
        server.faults.append(Fault(method, name, answer, dry=dry))
    status, out, err = apply(server, folder, "--yes", "--prune")
    assert (status, out.splitlines()) == (0, ["changed shop/a", "created shop/b", "removed shop/gone"]), err
    assert not any(fault.times for fault in server.faults)
    assert apply(server, "--undo", undo_file(), "--yes")[0] == 0
    assert state(server) == before


def test_what_somebody_changes_after_the_dry_run_is_not_overwritten(server, tmp_path):
    server.put(ours("shop", "a", port=1), "podfence", "Apply")

    def meanwhile(asked):
        if asked.method == "PATCH" and not asked.dry:
            server.before = None
            server.put(ours("shop", "a", port=7), "podfence", "Apply")

    server.before = meanwhile
    status, _, err = apply(server, written(tmp_path / "d", ours("shop", "a", port=2)), "--yes")
    assert (status, "it was changed since it was read" in err) == (2, True)
    assert server.held["shop", "a"]["spec"]["ingress"][0]["ports"][0]["port"] == 7


def test_what_somebody_makes_after_the_dry_run_is_told_and_never_deleted_by_undo(server, tmp_path):
    def meanwhile(asked):
        if asked.method == "PATCH" and not asked.dry:
            server.before = None
            server.put(policy("shop", "a"), "kubectl-create")

    server.before = meanwhile
    status, _, err = apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes")
    assert (status, "was made by somebody else just before podfence applied it" in err) == (2, True)
    assert apply(server, "--undo", undo_file(), "--yes")[0] == 1
    assert ("shop", "a") in server.held


def test_an_apply_that_is_killed_at_any_change_leaves_an_undo_file_that_is_right(server, tmp_path):
    """The process is killed while the server holds its second change: not done yet, or done and not answered."""
    for dies_after in (False, True):
        server.put(ours("shop", "a", port=1), "podfence", "Apply")
        before = state(server)
        folder = written(tmp_path / "d", ours("shop", "a", port=2), ours("shop", "b"))
        children = []

        def kill(asked, children=children, dies_after=dies_after):
            if asked.method == "PATCH" and not asked.dry and asked.path.endswith("/b"):
                server.before = None
                if dies_after:
                    server.answer(asked)
                children[0].send_signal(signal.SIGKILL)
                children[0].wait()
                if not dies_after:
                    server.faults.append(Fault("PATCH", "b", DROP))

        server.before = kill
        code = "import sys; from tests.recommender.commands import podfence; print(podfence(*sys.argv[1:]))"
        words = ["apply", str(folder), "--yes", "--kubeconfig", str(server.kubeconfig())]
        environment = {**os.environ, "PYTHONPATH": str(SAMPLES.parent)}
        children.append(subprocess.Popen([sys.executable, "-c", code, *words], env=environment))
        assert children[0].wait(60) == -signal.SIGKILL
        assert (("shop", "b") in server.held) == dies_after
        assert apply(server, "--undo", undo_file(), "--yes")[0] == 0
        assert state(server) == before
        undo_file().unlink()


def test_the_undo_file_is_on_disk_before_the_first_change_of_each_namespace(server, tmp_path):
    known = []

    def look(asked):
        if asked.method == "PATCH" and not asked.dry:
            entries = json.loads(undo_file().read_text())["entries"]
            known.append([(entry["name"], entry["state"]) for entry in entries])

    server.before = look
    apply(server, written(tmp_path / "d", ours("data", "a"), ours("data", "b"), ours("shop", "c")), "--yes")
    assert known == [
        [("a", "planned"), ("b", "planned")],
        [("a", "done"), ("b", "planned")],
        [("a", "done"), ("b", "done"), ("c", "planned")],
    ]
    assert undo_file().stat().st_mode & 0o777 == 0o600


def test_where_no_undo_file_can_be_written_nothing_is_changed(server, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    status, _, err = apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes", "--undo-folder", blocked / "x")
    assert (status, server.writes()) == (2, [])
    assert "the undo file cannot be written" in err


def test_an_undo_file_of_another_server_is_refused(server, tmp_path):
    apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes")
    (tmp_path / "other").mkdir()
    with serve_policies(tmp_path / "other") as other:
        status, _, err = apply(other, "--undo", undo_file(), "--yes")
        assert (status, other.requests) == (2, [])
        assert f"the undo file is of {server.url}" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("apply",), "name a folder of exported policies, a review folder, or a file with --undo"),
        (("apply", "x", "--undo", "y"), "name a folder of exported policies, a review folder, or a file with --undo"),
        (("apply", "x", "--yes", "--inventory", "y"), "--inventory and --observations go together"),
        (("apply", "absent", "--yes"), "absent: no such file or folder"),
        (("apply", "--undo", "absent", "--yes"), "absent: no such file; name an undo file"),
    ],
)
def test_bad_usage_is_one_sentence(words, says):
    status, out, err = podfence(*words)
    assert (status, out, err.count("\n")) == (2, "", 0)
    assert says in err


def test_a_namespace_that_is_not_there_is_told_in_the_dry_run(server, tmp_path):
    status, _, err = apply(server, written(tmp_path / "d", ours("nope", "a")), "--yes")
    assert (status, 'namespaces "nope" not found; create the namespace first' in err) == (2, True)


def test_texts_of_the_server_move_no_cursor_and_end_somewhere(server, tmp_path):
    message = "\x1b[2J\u202eevil\n" + "x" * 5000
    server.faults.append(Fault("PATCH", "a", (422, "Invalid", message), dry=True))
    _, _, err = apply(server, written(tmp_path / "d", ours("shop", "a")), "--yes")
    assert "<U+001B>[2J<U+202E>evil" in err
    assert max(map(len, err.splitlines())) < 800


def test_only_the_named_server_is_spoken_to_and_the_undo_file_holds_no_token(server, job):
    apply(server, job / "policies", "--yes")
    assert {asked.headers["authorization"] for asked in server.requests} == {"Bearer t0ken"}
    assert "t0ken" not in undo_file().read_text()


def test_undo_of_a_namespace_in_which_nothing_was_changed_is_refused(server, tmp_path):
    apply(server, written(tmp_path / "d", ours("shop", "a"), ours("data", "b")), "--yes")
    status, _, err = apply(server, "--undo", undo_file(), "--yes", "--namespace", "shpo")
    assert (status, len(server.held)) == (2, 2)
    assert "--namespace shpo: the undo file changed nothing in it; its namespaces are: data, shop" in err
    server.requests.clear()
    apply(server, "--undo", undo_file(), "--yes", "--namespace", "shop")
    assert sorted(server.held) == [("data", "b")]
    assert not any("/data/" in asked.path for asked in server.requests)
