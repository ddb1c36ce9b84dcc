"""`podfence export` as a user meets it: written, checked, pruned, compared with a folder and with a cluster."""

import json
import shutil
from pathlib import Path

import pytest

from recommender.exporting import diff_folder, export
from recommender.manifest import policy_to_object
from recommender.pipeline import RunOptions, run
from recommender.store import load_policies
from tests.collectors.applyserver import policy, serve_policies
from tests.recommender.commands import podfence

SAMPLES = Path(__file__).parents[2] / "sample_captures"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    run([str(SAMPLES / "shop.pcap")], SAMPLES / "inventory", folder, RunOptions(accept_observed=True))
    return folder


@pytest.fixture
def review(job, tmp_path):
    return Path(shutil.copytree(job / "review", tmp_path / "review"))


def _decide(review, choose):
    """Write decisions: `choose` gives accept, decline or None for each suggestion."""
    items = json.loads((review / "suggestions.json").read_text())["suggestions"]
    chosen = {item["id"]: {"decision": word} for item in items if (word := choose(item))}
    data = {"kind": "podfence/decisions", "version": 1, "decisions": chosen}
    (review / "decisions.yaml").write_text(json.dumps(data))


def _accept_of(*names):
    def choose(item):
        ends = [item[side]["name"] for side in ("ingress_of", "egress_of") if item[side]]
        return "accept" if set(ends) & set(names) else "decline"

    return choose


def _files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_export_without_a_folder_is_refused_but_for_a_difference_with_something_else(review):
    status, _, err = podfence("export", review)
    assert (status, err) == (2, "podfence: export: no folder is named; name one with -o DIR")
    assert podfence("export", review, "--diff")[0] == 2
    assert podfence("export", review, "--diff", "absent")[0] == 1


def test_c16_half_decided_directions_are_refused_with_a_list_of_what_would_break(review, tmp_path):
    busy = []
    _decide(review, lambda item: busy.append(item) or ("accept" if len(busy) in {1, 5} else None))
    status, out, err = podfence("export", review, "-o", tmp_path / "out")
    assert (status, out) == (2, "")
    *told, sentence = err.splitlines()
    count = int(told[0].split()[2])
    assert told[0] == f"would break: {count} communications that worked, and that nobody declined"
    assert len(told) == 1 + min(count, 10) + (count > 10)
    assert all(" -> " in line for line in told[1:11][:count])
    assert "workload directions are half decided" in sentence
    assert "pass --allow-incomplete" in sentence
    assert not (tmp_path / "out").exists()
    status, out, err = podfence("export", review, "-o", tmp_path / "out", "--allow-incomplete")
    assert (status, f"would break: {count} communications" in err) == (0, True)


def test_a_complete_review_breaks_nothing_and_says_nothing_of_it(review, tmp_path):
    status, out, err = podfence("export", review, "-o", tmp_path, "--json")
    assert (status, json.loads(out)["would_break"], "would break" in err) == (0, [], False)


def test_check_tells_by_its_status_whether_files_differ_and_writes_nothing(review, tmp_path):
    out = tmp_path / "out"
    assert podfence("export", review, "-o", out, "--check")[0] == 1
    assert not out.exists()
    podfence("export", review, "-o", out)
    assert podfence("export", review, "-o", out, "--check") == (0, "", "nothing differs")


def test_prune_removes_what_is_not_approved_any_more_and_nothing_else(review, tmp_path):
    out = tmp_path / "out"
    podfence("export", review, "-o", out)
    before = _files(out)
    (out / "shop" / "mine.yaml").write_text("apiVersion: v1\nkind: Service\n")
    (out / "README.md").write_text("mine")
    _decide(review, _accept_of("web"))
    status, told, err = podfence("export", review, "-o", out, "--prune", "--json")
    data = json.loads(told)
    after = _files(out)
    assert status == 0
    assert set(after) == {*data["written"], "kustomization.yaml", "shop/mine.yaml", "README.md"}
    assert set(data["pruned"]) == before.keys() - after.keys() != set()
    assert "shop/mine.yaml" in data["kept"]
    assert "not removed: shop/mine.yaml (" in err
    assert podfence("export", review, "-o", out, "--diff")[0] == 0


def test_prune_after_a_change_of_layout_leaves_one_layout(review, tmp_path):
    podfence("export", review, "-o", tmp_path / "out")
    podfence("export", review, "-o", tmp_path / "out", "--per-namespace", "--prune")
    podfence("export", review, "-o", tmp_path / "fresh", "--per-namespace")
    assert _files(tmp_path / "out") == _files(tmp_path / "fresh")


def test_the_modes_exclude_each_other(review, tmp_path, capsys):
    with pytest.raises(SystemExit):
        podfence("export", review, "-o", tmp_path, "--check", "--prune")
    assert "not allowed with" in capsys.readouterr().err


def test_diff_shows_text_and_meaning_writes_nothing_and_is_what_export_with_prune_does(review, tmp_path):
    out = tmp_path / "out"
    podfence("export", review, "-o", out)
    before = _files(out)
    _decide(review, _accept_of("web"))
    status, told, err = podfence("export", review, "-o", out, "--diff")
    assert (status, _files(out)) == (1, before)
    assert "--- a/data/postgres-podfence.yaml" in told
    assert "+++ /dev/null" in told
    assert "- data/postgres-podfence: removed" in told
    assert any(line.startswith("    - ingress from ") for line in told.splitlines())
    assert " policies removed, " in err
    other = podfence("export", review, "-o", tmp_path / "elsewhere", "--diff", out)
    assert other[:2] == (status, told)
    export(review, out, prune=True)
    assert not diff_folder(review, out).differs
    assert podfence("export", review, "-o", out, "--diff") == (0, "", f"{out}: nothing differs")


def test_a_diff_against_nothing_adds_everything(review, job, tmp_path):
    status, told, _ = podfence("export", review, "-o", tmp_path / "absent", "--diff", "--json")
    data = json.loads(told)
    wanted, _ = load_policies([job / "policies"])
    assert (status, data["differs"]) == (1, True)
    assert [(one["policy"], one["change"]) for one in data["policies"]] == [
        (f"{one.namespace}/{one.name}", "added") for one in wanted
    ]
    assert data["diff"].count("--- /dev/null") == len(wanted) + 1


def test_a_file_without_a_last_line_end_differs(review, tmp_path):
    podfence("export", review, "-o", tmp_path)
    file = tmp_path / "kustomization.yaml"
    file.write_text(file.read_text().rstrip("\n"))
    status, told, _ = podfence("export", review, "-o", tmp_path, "--diff")
    assert (status, told.count("\\ No newline at end of file")) == (1, 1)


def test_diff_with_a_cluster_compares_what_podfence_made_or_would_overwrite(review, job, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted, _ = load_policies([job / "policies"])
    (tmp_path / "server").mkdir()
    with serve_policies(tmp_path / "server", [policy("shop", "theirs")]) as server:
        for one in wanted[1:]:
            item = policy_to_object(one)
            item["metadata"]["annotations"]["argocd/x"] = "1"
            item["metadata"]["labels"]["theirs"] = "1"
            server.put(item)
        server.put(policy("shop", "old-podfence", labels={"app.kubernetes.io/managed-by": "podfence"}))
        at = ("export", review, "--diff", "cluster", "--kubeconfig", server.kubeconfig())
        status, told, _ = podfence(*at, "--json")
        listed = tmp_path / "inv"
        listed.mkdir()
        (listed / "policies.json").write_text(
            json.dumps({"kind": "List", "apiVersion": "v1", "items": list(server.held.values())})
        )
        server.held.pop(("shop", "old-podfence"))
        server.put(policy_to_object(wanted[0]))
        assert podfence(*at)[0] == 0
        assert {asked.method for asked in server.requests} == {"GET"}
    changes = [(one["policy"], one["change"]) for one in json.loads(told)["policies"]]
    first = f"{wanted[0].namespace}/{wanted[0].name}"
    assert (status, changes) == (1, sorted([(first, "added"), ("shop/old-podfence", "removed")]))
    again = podfence("export", review, "--diff", "cluster", "--inventory", listed, "--json")
    assert again[:2] == (1, told)


def test_diff_with_a_cluster_wants_to_know_which(review):
    for more in ((), ("--inventory", SAMPLES / "inventory", "--context", "x")):
        status, _, err = podfence("export", review, "--diff", "cluster", *more)
        assert (status, "name the cluster, either with --inventory INV or with --context NAME" in err) == (2, True)


def test_an_inventory_that_could_not_list_policies_is_compared_with_nothing(review, tmp_path):
    folder = tmp_path / "inv"
    shutil.copytree(SAMPLES / "inventory", folder)
    for file in folder.rglob("*polic*"):
        file.unlink()
    about = {"kind": "podfence/snapshot", "version": 1, "time": "2026-11-22T00:00:00Z", "server": "x", "counts": {},
             "missing": {"NetworkPolicy": "forbidden"}}  # fmt: skip
    (folder / "snapshot.json").write_text(json.dumps(about))
    status, _, err = podfence("export", review, "--diff", "cluster", "--inventory", folder)
    assert (status, "NetworkPolicies could not be listed" in err) == (2, True)
