"""`podfence apply` as a user meets it, against an API server on loopback that keeps what it is given."""

import argparse
import copy
import json
from pathlib import Path

from recommender.cli_apply import add_apply
from recommender.manifest import policy_to_object, policy_to_yaml
from recommender.store import load_policies
from tests.collectors.applyserver import policy
from tests.recommender.applying.helpers import SAMPLES, apply, ours, typed, undo_file, written

REPLAY = ("--inventory", SAMPLES / "inventory", "--observations")


def test_everything_is_asked_by_dry_run_before_anything_is_changed(server, job):
    status, out, err = apply(server, job / "policies", "--yes")
    assert status == 0, err
    wanted, _ = load_policies([job / "policies"])
    patches = [asked for asked in server.requests if asked.method == "PATCH"]
    assert [asked.dry for asked in patches] == [True] * len(wanted) + [False] * len(wanted)
    assert {asked.query["fieldManager"] for asked in patches} == {"podfence"}
    assert not any("force" in asked.query for asked in patches)
    assert len(out.splitlines()) == len(wanted) > 5
    assert set(server.held) == {(one.namespace, one.name) for one in wanted}
    for one in wanted:
        assert server.held[one.namespace, one.name]["spec"] == policy_to_object(one)["spec"]


def test_a_review_folder_applies_what_is_approved_in_it(server, job):
    assert apply(server, job / "review", "--yes")[0] == 0
    wanted, _ = load_policies([job / "policies"])
    assert set(server.held) == {(one.namespace, one.name) for one in wanted}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(server, tmp_path):
    server.put(ours("shop", "old"), "podfence", "Apply")
    folder = written(tmp_path / "d", ours("shop", "a"), ours("data", "b"))
    status, out, err = apply(server, folder, "--dry-run", "--prune")
    assert (status, out.splitlines()) == (0, ["would create data/b", "would create shop/a", "would remove shop/old"])
    assert server.writes() == []
    assert not list(Path().iterdir())
    assert "would break: unknown, for no observations are given" in err


def test_namespaces_go_one_after_the_other_and_only_those_that_are_named(server, tmp_path):
    folder = written(tmp_path / "d", ours("shop", "a"), ours("data", "b"), ours("shop", "c"), ours("monitoring", "d"))
    status, out, _ = apply(server, folder, "--yes", "--namespace", "shop", "--namespace", "data")
    assert (status, out.splitlines()) == (0, ["created data/b", "created shop/a", "created shop/c"])
    assert not any(asked.path.endswith("v1/networkpolicies") for asked in server.requests)
    status, _, err = apply(server, folder, "--yes", "--namespace", "absent")
    assert (status, "nothing to apply is in it; namespaces of" in err) == (2, True)


def test_a_field_of_another_manager_is_told_and_nothing_is_changed(server, tmp_path):
    server.put(ours("shop", "a", port=1), "kubectl-edit")
    before = copy.deepcopy(server.held)
    folder = written(tmp_path / "d", ours("shop", "a", port=2), ours("data", "b"))
    status, _, err = apply(server, folder, "--yes")
    assert status == 2
    assert "'kubectl-edit' holds .spec.ingress; agree with whoever that is, or take the fields over with --force" in err
    assert "1 of 2 policies are refused in the dry run, see above; nothing was changed" in err
    assert (server.held, server.writes()) == (before, [])


def test_a_policy_of_somebody_else_with_the_same_name_is_not_touched_unless_forced(server, tmp_path):
    server.put(policy("shop", "a"))
    folder = written(tmp_path / "d", ours("shop", "a"))
    status, _, err = apply(server, folder, "--yes")
    assert (status, server.writes()) == (2, [])
    assert "shop/a: there is such a policy that podfence did not make" in err
    status, _, err = apply(server, folder, "--yes", "--force")
    assert (status, "--force takes over shop/a" in err) == (0, True)


def test_what_is_no_export_of_podfence_is_not_applied(server, tmp_path):
    status, _, err = apply(server, written(tmp_path / "d", policy("shop", "a")), "--yes")
    assert (status, server.requests[1:]) == (2, [])
    assert "shop/a: not labelled app.kubernetes.io/managed-by: podfence" in err


def test_only_what_podfence_alone_holds_is_pruned_and_only_where_something_is_applied(server, tmp_path):
    server.put(ours("shop", "old"), "podfence", "Apply")
    server.put(ours("data", "old"), "podfence", "Apply")
    server.put(ours("shop", "kubectl"), "kubectl-client-side-apply")
    server.put(policy("shop", "theirs"))
    folder = written(tmp_path / "d", ours("shop", "a"))
    status, _, err = apply(server, folder, "--yes")
    assert (status, "shop/old: remove it with --prune" in err, len(server.held)) == (0, True, 5)
    status, out, err = apply(server, folder, "--yes", "--prune")
    assert (status, out) == (0, "removed shop/old")
    assert "shop/kubectl: its fields are held by kubectl-client-side-apply, not by podfence alone" in err
    assert "data/old: nothing is applied in its namespace" in err
    assert apply(server, folder, "--yes", "--prune", "--namespace", "data")[1] == "removed data/old"
    assert set(server.held) == {("shop", "a"), ("shop", "kubectl"), ("shop", "theirs")}


def test_what_would_break_is_shown_before_each_namespace_and_ends_with_status_1(server, job, tmp_path):
    complete = apply(server, job / "policies", "--dry-run", *REPLAY, job / "observations")
    assert complete[0] == 0
    assert complete[2].count("would break: 0 communications that worked") >= 2
    deny = ours("shop", "deny")
    deny["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    folder = written(tmp_path / "d", deny, ours("monitoring", "harmless", app="nobody"))
    status, out, err = apply(server, folder, "--dry-run", *REPLAY, job / "observations", "--json")
    data = json.loads(out)
    breaking = data["namespaces"]["shop"]["would_break"]
    assert (status, data["namespaces"]["monitoring"]["would_break"]) == (1, [])
    assert len(breaking) > 10
    assert f"would break: {len(breaking)} communications that worked" in err
    assert f"and {len(breaking) - 10} more" in err


def test_what_the_policies_in_force_deny_already_does_not_break_again(server, job, tmp_path):
    deny = ours("shop", "deny")
    deny["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    server.put(deny, "podfence", "Apply")
    folder = written(tmp_path / "d", deny, ours("shop", "more", app="nobody"))
    status, _, err = apply(server, folder, "--dry-run", *REPLAY, job / "observations")
    assert (status, "would break: 0 communications that worked; " in err) == (0, True)
    assert "that worked are denied already" in err


def test_what_a_review_declined_is_counted_apart(server, job, tmp_path):
    folder = tmp_path / "review"
    folder.mkdir()
    for name in ("suggestions.json", "decisions.yaml"):
        text = (job / "review" / name).read_text()
        (folder / name).write_text(text)
    lines = (folder / "decisions.yaml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if "what:" in line and "Deployment/web -> " in line) - 1
    assert lines[at].strip() == "decision: accept"
    lines[at] = lines[at].replace("accept", "decline")
    (folder / "decisions.yaml").write_text("\n".join(lines) + "\n")
    status, out, err = apply(server, folder, "--dry-run", *REPLAY, job / "observations", "--json")
    told = json.loads(out)["namespaces"]
    assert sum(one["declined"] for one in told.values()) == 1
    assert not any(one["would_break"] for one in told.values()), err
    assert (status, "and 1 more that the review declined" in err) == (0, True)


def test_it_asks_for_each_namespace_and_a_no_leaves_that_one(server, tmp_path, monkeypatch):
    folder = written(tmp_path / "d", ours("shop", "a"), ours("data", "b"), ours("monitoring", "c"))
    with typed(monkeypatch, "y\nn\nYES\n"):
        status, out, err = apply(server, folder)
    assert (status, out.splitlines()) == (1, ["created data/b", "created shop/a"])
    assert [line for line in err.splitlines() if "[y/n]" in line] == [
        f"apply this to {namespace}? [y/n]" for namespace in ("data", "monitoring", "shop")
    ]
    assert "monitoring: left as it is" in err


def test_without_a_terminal_and_without_yes_nothing_is_asked_of_the_server(server, tmp_path):
    status, _, err = apply(server, written(tmp_path / "d", ours("shop", "a")))
    assert (status, server.requests) == (2, [])
    assert "there is no terminal to ask at; pass --yes, or look first with --dry-run" in err


def test_what_apply_asks_for_is_what_its_role_grants(server, tmp_path):
    import yaml

    role = yaml.safe_load((SAMPLES.parent / "deploy" / "apply" / "rbac.yaml").read_text())
    server.put(ours("shop", "forced", port=1), "kubectl-edit")
    server.put(ours("shop", "gone"), "podfence", "Apply")
    folder = written(tmp_path / "d", ours("shop", "forced", port=2), ours("shop", "new"))
    apply(server, folder, "--yes", "--force", "--prune")
    apply(server, "--undo", undo_file(), "--yes")
    verbs = {"PATCH": {"patch", "create"}, "PUT": {"update"}, "DELETE": {"delete"}}
    asked = {verb for one in server.requests for verb in verbs.get(one.method, {"get", "list"})}
    assert role["rules"] == [
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": sorted(asked)}
    ]


def test_yaml_as_exported_is_what_is_sent(server, job):
    apply(server, job / "policies", "--yes")
    wanted, _ = load_policies([job / "policies"])
    sent = {one.body["metadata"]["name"]: one.body for one in server.writes()}
    for one in wanted:
        assert sent[one.name] == policy_to_object(one), policy_to_yaml(one)


def test_a_reader_who_has_gone_stops_no_rollout_half_way(server, tmp_path):
    folder = written(tmp_path / "d", ours("shop", "a"), ours("shop", "b"), ours("data", "c"))
    parser = argparse.ArgumentParser()

    def gone(_):
        raise BrokenPipeError

    add_apply(parser.add_subparsers(), gone, gone)
    given = parser.parse_args(["apply", str(folder), "--yes", "--kubeconfig", str(server.kubeconfig())])
    assert given.command(given) == 0
    assert sorted(server.held) == [("data", "c"), ("shop", "a"), ("shop", "b")]
    given = parser.parse_args(["apply", "--undo", str(undo_file()), "--yes", "--kubeconfig", str(server.kubeconfig())])
    assert given.command(given) == 0
    assert not server.held
