"""`podfence simulate` and `podfence explain` as a user meets them: real files in, verdicts and reasons out."""

import argparse
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.errors import PodfenceError, UnreadableInput
from recommender.cli_simulate import add_simulate
from recommender.pipeline import RunOptions, run
from recommender.replaying import explain, simulate
from recommender.review import Decision
from recommender.store import load_suggestions, save_decisions

SAMPLES = Path(__file__).parents[2] / "sample_captures"
INVENTORY = SAMPLES / "inventory"
LISTED = {"kind": "NetworkPolicyList", "apiVersion": "networking.k8s.io/v1"}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Give a whole job on the sample: observations, a review, and policies of everything that was seen."""
    folder = tmp_path_factory.mktemp("job")
    run([str(SAMPLES / "shop.pcap")], INVENTORY, folder, RunOptions(accept_observed=True, default_deny=True))
    return folder


def podfence(*words):
    """Return the exit status, what is printed, and what is said."""
    parser = argparse.ArgumentParser()
    shown, said = [], []
    add_simulate(parser.add_subparsers(), shown.append, said.append)
    given = parser.parse_args([str(word) for word in words])
    return given.command(given), "\n".join(shown), "\n".join(said)


def replayed(job, *words, inventory=INVENTORY):
    return podfence("simulate", *words, "--inventory", inventory, "--observations", job / "observations")


def explained(*words, inventory=INVENTORY):
    return podfence("explain", *words, "--inventory", inventory)


def raw(name, namespace="shop", **spec):
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


DENY = raw("deny", "data", podSelector={}, policyTypes=["Ingress"])
OPEN = raw("deny", "data", podSelector={}, ingress=[{}], policyTypes=["Ingress"])


def manifest(folder, *items, name="given.json"):
    file = folder / name
    file.write_text(json.dumps({**LISTED, "items": items}))
    return file


def with_policies(folder, *items, missing=""):
    """Make the sample's inventory with these policies in force instead of its own."""
    shutil.copytree(INVENTORY, folder)
    (folder / "networkpolicies.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(items)}))
    if missing:
        head = {"kind": "podfence/snapshot", "version": 1, "time": "2026-11-01T10:00:00Z"}
        (folder / "snapshot.json").write_text(json.dumps({**head, "missing": {"NetworkPolicy": missing}}))
    return folder


def test_d31_what_podfence_exports_breaks_nothing_that_worked(job):
    status, text, said = replayed(job, job / "policies", "--json")
    data = json.loads(text)
    assert (status, data["would_break"]) == (0, 0)
    assert data["classes"]["stays_allowed"] > 0
    assert data["classes"]["newly_denied"] > 0
    assert sum(data["classes"].values()) == len(data["outcomes"])
    assert data["skipped"] == {"Kustomization": 1}
    assert "skipped: 1 Kustomization" in said


def test_d31_what_would_break_is_a_finding_told_in_full_with_the_policy_that_decides(job, tmp_path):
    status, text, said = replayed(job, manifest(tmp_path, DENY))
    assert status == 1
    data = json.loads(replayed(job, manifest(tmp_path, DENY), "--json")[1])
    assert text.startswith(f"would break    {data['would_break']:>6}  worked when observed, denied after\n")
    broken = [entry for entry in data["outcomes"] if entry["class"] == "would_break"]
    assert len(broken) == data["would_break"] > 1
    for entry in broken:
        assert f"  {entry['communication']}\n      {entry['reason']}" in text
        assert "data/deny" in entry["policies"]
    assert "by workload" in text
    assert f"{len(broken)} communications that worked when observed would be denied" in said


def test_without_any_policy_all_that_was_seen_stays_allowed(job, tmp_path):
    (tmp_path / "none.yaml").write_text("")
    status, text, said = replayed(job, tmp_path / "none.yaml", "--json")
    data = json.loads(text)
    assert (status, data["classes"]["stays_allowed"]) == (0, len(data["outcomes"]))
    assert "no NetworkPolicy in what was given" in said


def test_c26_existing_policies_are_before_and_stay_unless_one_of_the_same_name_is_given(job, tmp_path):
    inventory = with_policies(tmp_path / "inventory", DENY)
    status, text, said = replayed(job, manifest(tmp_path, OPEN), "--existing", "--json", inventory=inventory)
    data = json.loads(text)
    assert status == 0
    assert (data["policies_before"], data["policies_after"], data["replaced"]) == (1, 1, ["data/deny"])
    assert data["classes"]["newly_allowed"] > 0
    assert data["contradicted"]
    assert "replaced by those of the same name: data/deny" in said
    apart = manifest(tmp_path, raw("other", "shop", podSelector={}, ingress=[{}]))
    status, text, _ = replayed(job, apart, "--existing", "--json", inventory=inventory)
    assert (status, json.loads(text)["policies_after"]) == (1, 2)


def test_the_word_cluster_means_the_policies_of_the_inventory(job, tmp_path):
    inventory = with_policies(tmp_path / "inventory", DENY, raw("odd", "data", podSelector={}, tiers=[1]))
    status, text, said = replayed(job, "cluster", "--json", inventory=inventory)
    assert (status, json.loads(text)["policies"]) == (1, 1)
    assert "cannot be read, and do not count: NetworkPolicy data/odd: spec.tiers" in said
    same = replayed(job, manifest(tmp_path, DENY), "--json")[1]
    assert json.loads(text)["outcomes"] == json.loads(same)["outcomes"]


def test_a_review_says_what_may_break_and_tells_undecided_apart(job, tmp_path):
    items = load_suggestions(job / "review").items
    at_data = [item for item in items if item.ingress_of is not None and item.ingress_of.namespace == "data"]
    shutil.copytree(job / "review", tmp_path / "review")
    save_decisions(
        [Decision(item.id, "decline", str(item.communication)) for item in at_data[:-1]], tmp_path / "review"
    )
    words = [manifest(tmp_path, DENY), "--review", tmp_path / "review"]
    status, text, said = replayed(job, *words, "--json")
    data = json.loads(text)
    assert (status, data["classes"]["declined"], data["would_break"]) == (1, len(at_data) - 1, 1)
    assert "1 of them are undecided in" in said
    save_decisions([Decision(item.id, "decline", str(item.communication)) for item in at_data], tmp_path / "review")
    assert replayed(job, *words)[0] == 0


def test_streams_from_stdin_are_read_and_other_kinds_are_counted(job, monkeypatch):
    stream = f"---\n# Source: a/templates/np.yaml\n{json.dumps(DENY)}\n---\n# Source: a/templates/svc.yaml\n"
    stream += "kind: Service\napiVersion: v1\n" + "---\nkind: Deployment\napiVersion: apps/v1\n" * 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream.encode())))
    status, _, said = replayed(job, "-")
    assert status == 1
    assert "skipped: 2 Deployment, 1 Service" in said


def test_a_namespace_that_is_assumed_is_said(job, tmp_path):
    item = {**DENY, "metadata": {"name": "deny"}}
    status, _, said = replayed(job, manifest(tmp_path, item))
    assert status == 0
    assert "no namespace in default/deny: taken as kubectl would; give another with --namespace" in said
    assert replayed(job, manifest(tmp_path, item), "--namespace", "data")[0] == 1


def test_what_is_forbidden_to_list_is_one_sentence(job, tmp_path):
    inventory = with_policies(tmp_path / "inventory", missing="forbidden")
    for words in (["cluster"], [manifest(tmp_path, DENY), "--existing"]):
        with pytest.raises(UnreadableInput, match=r"could not be listed \(forbidden\); take the inventory again"):
            replayed(job, *words, inventory=inventory)
    assert replayed(job, manifest(tmp_path, DENY), inventory=inventory)[0] == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{a: [", "not YAML"),
        (json.dumps(raw("BAD", podSelector={})), "metadata.name: 'BAD' may hold only"),
        (json.dumps({**LISTED, "items": [DENY, OPEN]}), "items[1]: NetworkPolicy data/deny stands here a second time"),
        (json.dumps(raw("a", ingres=[])), "spec.ingres: is a field that NetworkPolicy does not have"),
    ],
)
def test_a_manifest_that_the_api_server_refuses_is_refused_with_file_and_field(job, tmp_path, content, says):
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(UnreadableInput) as refused:
        replayed(job, tmp_path)
    assert str(refused.value).startswith(str(tmp_path / "bad.yaml"))
    assert says in str(refused.value)


def test_explain_says_by_its_status_whether_a_connection_is_allowed(job):
    words = ["shop/Deployment/api", "data/StatefulSet/postgres"]
    status, text, _ = explained(job / "policies", *words, "5432")
    assert status == 0
    assert text.startswith("allowed: shop/Deployment/api -> data/StatefulSet/postgres TCP/5432\n")
    assert "lets it through" in text
    status, text, _ = explained(job / "policies", *words, "5433")
    assert status == 1
    assert "ports TCP/5432: the port is 5433" in text
    assert "missing is one rule, for instance in spec of data/postgres-podfence:\n    ingress:\n    - from:" in text
    status, text, said = explained(job / "policies", "shop/Deployment/api", "10.244.7.77", "5432")
    assert (status, text.split(":")[0]) == (1, "undecidable")
    assert "undecidable: the inventory does not tell enough" in said


def test_b10_explain_follows_a_services_address_to_its_pods(job):
    status, text, _ = explained(job / "policies", "shop/Deployment/api", "10.96.200.5", "5432", "--json")
    data = json.loads(text)
    assert (status, data["service"]) == (0, "data/postgres")
    assert data["behind"] == sorted(data["behind"]) != []
    assert {pair["dst"].rpartition("-")[0] for pair in data["pairs"]} == {"data/postgres"}


def test_explain_counts_existing_policies_only_when_asked_to(tmp_path):
    inventory = with_policies(tmp_path / "inventory", DENY)
    given = manifest(tmp_path, raw("other", podSelector={}, ingress=[{}]))
    words = [given, "shop/Deployment/api", "data/StatefulSet/postgres"]
    assert explained(*words, "5432", inventory=inventory)[0] == 0
    status, text, _ = explained(*words, "5432", "--existing", inventory=inventory)
    assert status == 1
    assert "data/deny selects it by podSelector <none>; it has no ingress rules" in text
    assert explained("cluster", *words[1:], "5432", inventory=inventory)[0] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["shop/none", "shop/Deployment/api", "80"], "source 'shop/none': is no pod of the inventory"),
        (["shop/Deployment/api", "\x1b[2J", "80"], "is no end of a connection"),
        (["shop/Deployment/api", "shop/Deployment/web", "eighty"], "port 'eighty': is no port"),
    ],
)
def test_an_end_or_port_that_is_none_is_one_printable_sentence(tmp_path, words, says):
    with pytest.raises(PodfenceError) as refused:
        explained(manifest(tmp_path, DENY), *words)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()


def test_hostile_kinds_are_cut_short(job, tmp_path):
    (tmp_path / "a.yaml").write_text(f"kind: {'K' * 9000}\napiVersion: v1\n")
    assert len(replayed(job, tmp_path / "a.yaml")[2]) < 500


def test_names_of_a_cluster_forge_no_line_and_no_escape_sequence(job, tmp_path):
    inventory = shutil.copytree(INVENTORY, tmp_path / "inventory")
    for file in inventory.glob("*.json"):
        file.write_text(file.read_text().replace('"name": "debug"', '"name": "de\\nallowed: x\\u001b[2J"'))
    status, text, _ = replayed(job, manifest(tmp_path, DENY), inventory=inventory)
    assert status == 1
    assert "shop/Pod/de<U+000A>allowed: x<U+001B>[2J" in text
    assert not any(line.startswith("allowed: x") or "\x1b" in line for line in text.split("\n"))
    text = explained(manifest(tmp_path, DENY), "10.244.1.20", "shop/Deployment/api", "80", inventory=inventory)[1]
    assert "egress of shop/de<U+000A>allowed: x<U+001B>[2J: allowed" in text


def test_the_functions_are_the_commands(job, tmp_path):
    given = manifest(tmp_path, DENY)
    replay = simulate([given], INVENTORY, job / "observations")
    assert len(replay.would_break) == json.loads(replayed(job, given, "--json")[1])["would_break"]
    assert len(replay.outcomes) == len(replay.changes.changes)
    assert simulate([given], INVENTORY).outcomes == ()
    done = explain([given], ("shop/Deployment/api", "data/StatefulSet/postgres", "5432"), INVENTORY)
    assert done.explanation.verdict == "denied"


def test_the_same_input_gives_the_same_words(job):
    for words in ([job / "policies"], [job / "policies", "--json"], ["cluster", "--existing"]):
        assert replayed(job, *words) == replayed(job, *words)


def test_naming_the_commands_loads_nothing_heavy():
    code = "import sys, recommender.cli_simulate; print(*{'pandas', 'kubernetes', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
