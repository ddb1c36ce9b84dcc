"""`podfence adopt` as a user meets it: policies and observations in, a review folder out (semantics C26)."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.errors import UnreadableInput
from recommender.adopting import adopt
from recommender.cli_adopt import add_adopt
from recommender.exporting import export
from recommender.pipeline import RunOptions, run
from recommender.review import Decision
from recommender.store import load_decisions, load_suggestions, save_decisions

SAMPLES = Path(__file__).parents[2] / "sample_captures"
INVENTORY = SAMPLES / "inventory"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Give a whole job on the sample: observations, and policies of everything that was seen."""
    folder = tmp_path_factory.mktemp("job")
    run([str(SAMPLES / "shop.pcap")], INVENTORY, folder, RunOptions(accept_observed=True))
    return folder


def podfence(job, review, *words, inventory=INVENTORY):
    """Return the exit status, what is printed, and what is said."""
    parser = argparse.ArgumentParser()
    shown, said = [], []
    add_adopt(parser.add_subparsers(), shown.append, said.append)
    store = str(job / "observations")
    given = parser.parse_args(
        ["adopt", *map(str, words), "--inventory", str(inventory), "--observations", store, "-o", str(review)]
    )
    return given.command(given), "\n".join(shown), "\n".join(said)


def with_policies(folder, *items, missing=""):
    """Make the sample's inventory with these policies in force instead of its own."""
    shutil.copytree(INVENTORY, folder)
    (folder / "networkpolicies.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(items)}))
    if missing:
        head = {"kind": "podfence/snapshot", "version": 1, "time": "2026-11-01T10:00:00Z"}
        (folder / "snapshot.json").write_text(json.dumps({**head, "missing": {"NetworkPolicy": missing}}))
    return folder


def raw(name, namespace="shop", labels=None, **spec):
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.yaml"))}


def test_c26_adopting_an_export_decides_all_that_it_was_made_of_and_exports_the_same_rules(job, tmp_path):
    status, text, _ = podfence(job, tmp_path / "review", job / "policies")
    count = len(load_suggestions(job / "review").items)
    assert status == 0
    assert f"adopted            {count:<4} of {count} suggestions" in text
    assert {d.id for d in load_decisions(tmp_path / "review")} == {d.id for d in load_decisions(job / "review")}
    assert not {"contradicted", "unused", "open again", "half decided"} & {
        line[:18].strip() for line in text.split("\n")
    }
    again = export(tmp_path / "review", tmp_path / "again").policies
    before = export(job / "review", tmp_path / "before").policies
    assert [(p.name, p.ingress, p.egress) for p in again] == [(p.name, p.ingress, p.egress) for p in before]


def test_c26_decisions_that_are_there_win(job, tmp_path):
    items = load_suggestions(job / "review").items
    save_decisions([Decision(items[0].id, "decline", "mine"), Decision("gone", "decline", "orphan")], tmp_path)
    status, text, _ = podfence(job, tmp_path, job / "policies", "--json")
    data = json.loads(text)
    assert (status, data["adopted"], data["already_decided"]) == (0, len(items) - 1, 1)
    found = {decision.id: decision.choice for decision in load_decisions(tmp_path)}
    assert found == {**{item.id: "accept" for item in items}, items[0].id: "decline", "gone": "decline"}


def test_c26_without_files_it_adopts_what_the_inventory_has_but_not_its_own_exports(job, tmp_path):
    inventory = with_policies(
        tmp_path / "inventory",
        raw("open", podSelector={}, ingress=[{}], policyTypes=["Ingress"]),
        raw("mine", labels={"app.kubernetes.io/managed-by": "podfence"}, podSelector={}, ingress=[{}]),
        raw("later", podSelector={}, tiers=[1]),
    )
    status, text, _ = podfence(job, tmp_path / "review", inventory=inventory)
    assert status == 0
    assert text.split("\n")[0] == "policies           1, and 1 exported by podfence, which are left out"
    assert "unread             1    policies cannot be read" in text
    assert "NetworkPolicy shop/later: spec.tiers" in text
    decisions = load_decisions(tmp_path / "review")
    assert decisions
    assert all(decision.choice == "accept" and decision.by == "adopted from shop/open" for decision in decisions)
    assert all(" -> shop/" in decision.what for decision in decisions)


def test_c26_what_the_policies_contradict_and_what_nothing_uses_is_told_and_not_decided(job, tmp_path):
    peers = [{"ipBlock": {"cidr": f"198.51.{n}.0/24"}} for n in range(7)]
    inventory = with_policies(
        tmp_path / "inventory", raw("closed", podSelector={}, ingress=[{"from": peers}], policyTypes=["Ingress"])
    )
    status, text, _ = podfence(job, tmp_path / "review", inventory=inventory)
    assert status == 0
    assert "suggestions worked although these policies deny them" in text
    assert "is isolated by shop/closed" in text
    assert "openings of these policies that nothing observed uses" in text
    assert "0.0/24 any (shop/closed ingress[0])" in text
    assert "open again" in text
    assert "more, with --json" in text
    assert load_decisions(tmp_path / "review") == ()
    data = json.loads(podfence(job, tmp_path / "review", "--json", inventory=inventory)[1])
    assert len(data["unused"]) % len(peers) == 0
    assert data["contradicted"]
    assert set(data["reopened"]) == {f"ingress of {entry['subject']}" for entry in data["unused"]}


def test_c26_directions_that_adopting_closes_for_undecided_suggestions_are_told(job, tmp_path):
    inventory = with_policies(
        tmp_path / "inventory",
        raw("one", podSelector={"matchLabels": {"app": "postgres"}}, ingress=[{}], policyTypes=["Ingress"]),
        raw("two", namespace="data", podSelector={}, ingress=[{}], policyTypes=["Ingress"]),
    )
    data = json.loads(podfence(job, tmp_path / "review", "--json", inventory=inventory)[1])
    assert data["adopted"]
    assert data["half_decided"]


def test_without_any_policy_it_writes_the_suggestions_and_says_so(job, tmp_path):
    status, _, said = podfence(job, tmp_path / "review", inventory=with_policies(tmp_path / "inventory"))
    assert status == 0
    assert "no policies to adopt" in said
    assert load_suggestions(tmp_path / "review").items == load_suggestions(job / "review").items
    assert load_decisions(tmp_path / "review") == ()


def test_the_same_input_gives_the_same_bytes(job, tmp_path):
    for name in ("a", "b", "b"):
        assert podfence(job, tmp_path / name, job / "policies")[0] == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_an_inventory_that_could_not_list_policies_is_refused_unless_files_are_named(job, tmp_path):
    inventory = with_policies(tmp_path / "inventory", missing="forbidden")
    with pytest.raises(UnreadableInput, match=r"could not be listed \(forbidden\); name files"):
        podfence(job, tmp_path / "review", inventory=inventory)
    assert podfence(job, tmp_path / "review", job / "policies", inventory=inventory)[0] == 0


def test_a_file_that_is_no_policy_is_one_sentence(job, tmp_path):
    (tmp_path / "bad.yaml").write_text("{a: [")
    with pytest.raises(UnreadableInput, match=r"bad\.yaml"):
        podfence(job, tmp_path / "review", tmp_path / "bad.yaml")
    with pytest.raises(UnreadableInput, match="no such file or folder"):
        podfence(job, tmp_path / "review", tmp_path / "gone.yaml")
    assert not (tmp_path / "review").exists()


def test_kinds_that_are_no_policies_are_counted_and_cut_short(job, tmp_path):
    (tmp_path / "more.yaml").write_text(f"kind: {'K' * 900}\napiVersion: v1\nmetadata: {{name: a}}\n")
    _, text, _ = podfence(job, tmp_path / "review", tmp_path / "more.yaml")
    assert "1 of kind KKK" in text
    assert max(map(len, text.split("\n"))) < 500


def test_the_function_is_the_command(job, tmp_path):
    done = adopt([job / "policies"], INVENTORY, job / "observations", tmp_path)
    assert {decision.id for decision in done.added} == {decision.id for decision in load_decisions(tmp_path)}


def test_naming_the_command_loads_nothing_heavy():
    code = "import sys, recommender.cli_adopt; print(*{'pandas', 'kubernetes', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
