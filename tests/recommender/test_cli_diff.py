"""`podfence diff` and `podfence exposure` as a user meets them."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.errors import UnreadableInput
from recommender.cli_diff import add_diff
from recommender.manifest import policy_to_yaml
from tests.recommender.simulated import block, policy, tcp

_COMMAND = (
    "import argparse, sys; from recommender.cli_diff import add_diff; parser = argparse.ArgumentParser();"
    "add_diff(parser.add_subparsers(), lambda text: text and print(text), print);"
    "given = parser.parse_args(sys.argv[1:]); given.command(given)"
)
INVENTORY = Path(__file__).parents[2] / "sample_captures" / "inventory"


def podfence(*words, inventory=INVENTORY):
    """Return the exit status, what is printed, and what is said."""
    parser = argparse.ArgumentParser()
    shown, said = [], []
    add_diff(parser.add_subparsers(), shown.append, said.append)
    given = parser.parse_args([*map(str, words), "--inventory", str(inventory)])
    return given.command(given), "\n".join(shown), "\n".join(said)


def labels(name):
    return {"app.kubernetes.io/name": name}


def of(name):
    return {"podSelector": {"matchLabels": labels(name)}}


def written(folder, *policies):
    folder.mkdir(exist_ok=True)
    for each in policies:
        (folder / f"{each.namespace}-{each.name}.yaml").write_text(policy_to_yaml(each))
    return folder


def with_cluster(folder, *items, missing=""):
    """Make the sample's inventory with these raw policies in force."""
    shutil.copytree(INVENTORY, folder)
    (folder / "networkpolicies.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(items)}))
    if missing:
        head = {"kind": "podfence/snapshot", "version": 1, "time": "2026-11-01T10:00:00Z"}
        (folder / "snapshot.json").write_text(json.dumps({**head, "missing": {"NetworkPolicy": missing}}))
    return folder


def raw(name, namespace="shop", **spec):
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@pytest.fixture
def sides(tmp_path):
    """Give two folders of policies: the same workload, with one port more and one block less."""
    web, out = of("web"), block("203.0.113.0/24")
    one = policy("api", select=labels("api"), ingress=[{"from": [web, out], "ports": tcp(8080)}])
    two = policy("api", select=labels("api"), ingress=[{"from": [web], "ports": tcp(8080, 9090)}])
    return written(tmp_path / "a", one), written(tmp_path / "b", two)


def test_two_sets_that_differ_are_told_by_lines_and_status_1(sides):
    status, text, said = podfence("diff", *sides)
    lines = text.split("\n")
    assert status == 1
    assert (
        "- 203.0.113.0/24 -> shop/Deployment/api TCP/8080 (was egress: not isolated; "
        "ingress: shop/api ingress[0]; now egress: not isolated; ingress: no rule of shop/api)"
    ) in lines
    assert any(
        line.startswith("~ shop/Deployment/web -> shop/Deployment/api +(TCP/9090), now TCP/8080, TCP/9090 (")
        for line in lines
    )
    assert said == "1 policies before, 1 after: 1 removed, 1 changed"


def test_a_set_and_itself_print_nothing_and_have_status_0(sides):
    assert podfence("diff", sides[0], sides[0]) == (0, "", "1 policies before, 1 after: no connection differs")


def test_what_only_adds_says_that_one_side_holds_the_other(sides, tmp_path):
    more = written(tmp_path / "more", policy("more", select=labels("api"), ingress=[{"from": [of("web")]}]))
    shutil.copy(sides[1] / "shop-api.yaml", more)
    assert podfence("diff", sides[1], more)[2].endswith("; B allows all that A does")
    assert podfence("diff", more, sides[1])[2].endswith("; A allows all that B does")


def test_json_has_spans_cidrs_verdicts_and_rules(sides):
    status, text, _ = podfence("diff", *sides, "--json")
    data = json.loads(text)
    assert (status, data["equal"], data["only_adds"], data["only_removes"]) == (1, False, False, False)
    (removed,) = [change for change in data["changes"] if change["change"] == "removed"]
    assert removed["src"] == {"text": "203.0.113.0/24", "kind": "outside", "cidrs": ["203.0.113.0/24"]}
    assert removed["dst"]["names"] == ["shop/Deployment/api"]
    assert (removed["closed"], removed["opened"], removed["after"]) == ([["TCP", 8080, 8080]], [], [])
    assert removed["rules_before"] == ["egress: not isolated", "ingress: shop/api ingress[0]"]
    assert json.loads(podfence("diff", sides[0], sides[0], "--json")[1])["equal"] is True


def test_isolation_and_what_cannot_be_known_have_lines_of_their_own(tmp_path):
    closed = written(tmp_path / "closed", policy("deny", types=["Ingress"]))
    named = written(
        tmp_path / "named",
        policy("named", types=["Ingress"], ingress=[{"from": [{"podSelector": {}}], "ports": tcp("gone")}]),
    )
    assert (
        "~ ingress of every workload of namespace shop: open -> isolated"
        in podfence("diff", _empty(tmp_path), closed)[1]
    )
    text = podfence("diff", closed, named)[1]
    assert "any pod not yet born of namespace shop TCP/any (denied -> undecidable)" in text
    data = json.loads(podfence("diff", closed, named, "--json")[1])
    assert {(entry["before"], entry["after"]) for entry in data["undecidable"]} == {("denied", "undecidable")}


def _empty(folder):
    (folder / "none.yaml").write_text("")
    return folder / "none.yaml"


def test_the_word_cluster_means_the_policies_of_the_inventory_and_unread_ones_are_named(sides, tmp_path):
    api = {"podSelector": {"matchLabels": labels("api")}, "policyTypes": ["Ingress"]}
    inventory = with_cluster(tmp_path / "inventory", raw("now", **api), raw("odd", podSelector={}, tiers=[1]))
    status, text, said = podfence("diff", "cluster", sides[1], inventory=inventory)
    assert status == 1
    assert "+ shop/Deployment/web -> shop/Deployment/api TCP/8080, TCP/9090" in text
    assert "counts nowhere, since it cannot be read: NetworkPolicy shop/odd: spec.tiers" in said
    assert podfence("diff", "cluster", "cluster", inventory=inventory)[0] == 0


def test_a_cluster_whose_policies_could_not_be_listed_is_one_sentence(sides, tmp_path):
    inventory = with_cluster(tmp_path / "inventory", missing="forbidden")
    with pytest.raises(UnreadableInput, match=r"could not be listed \(forbidden\); name files"):
        podfence("diff", "cluster", sides[0], inventory=inventory)
    assert podfence("diff", *sides, inventory=inventory)[0] == 1


def test_a_folder_that_is_not_there_is_one_sentence(sides, tmp_path):
    with pytest.raises(UnreadableInput, match="no such file or folder"):
        podfence("diff", sides[0], tmp_path / "gone")


def test_stdin_is_one_side_at_most(sides):
    with pytest.raises(UnreadableInput, match="stdin can be read once only"):
        podfence("diff", "-", "-")
    words = [sys.executable, "-c", _COMMAND, "diff", "-", str(sides[0]), "--inventory", str(INVENTORY)]
    text = (sides[0] / "shop-api.yaml").read_bytes()
    done = subprocess.run(words, input=text, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == b"1 policies before, 1 after: no connection differs\n"


def test_kinds_that_are_no_policies_are_counted_in_one_short_line(sides):
    (sides[0] / "more.yaml").write_text(f"kind: {'K' * 900}\napiVersion: v1\nmetadata: {{name: a}}\n")
    said = podfence("diff", *sides)[2]
    assert "1 of kind KKK" in said
    assert max(map(len, said.split("\n"))) < 400


def test_exposure_has_a_block_for_each_workload_with_both_directions(sides):
    status, text, said = podfence("exposure", sides[0])
    lines = text.split("\n")
    at = lines.index("shop/Deployment/api")
    assert status == 0
    assert lines[at + 1] == "  ingress isolated by shop/api; could be reached by"
    assert lines[at + 2] == "    shop/Deployment/web TCP/8080"
    assert "    203.0.113.0/24 TCP/8080" in lines[at:]
    assert "any pod not yet born of namespace shop" in lines
    assert said.startswith("1 policies: 1 of ")


def test_exposure_of_one_workload_is_its_block_alone_as_text_and_as_json(sides):
    _, text, _ = podfence("exposure", sides[1], "--workload", "shop/Deployment/api")
    assert [line for line in text.split("\n") if not line.startswith(" ")] == ["shop/Deployment/api"]
    data = json.loads(podfence("exposure", sides[1], "--workload", "shop/Deployment/api", "--json")[1])
    assert [(each["direction"], each["isolated"]) for each in data] == [("Ingress", True), ("Egress", False)]
    assert data[0]["others"][0]["ports"] == [["TCP", 8080, 8080], ["TCP", 9090, 9090]]


@pytest.mark.parametrize(("text", "says"), [("api", "is not NAMESPACE/KIND/NAME"), ("a/b/c", "is not in ")])
def test_a_workload_that_is_none_is_one_sentence(sides, text, says):
    with pytest.raises(UnreadableInput, match=says):
        podfence("exposure", sides[0], "--workload", text)


def test_the_same_input_gives_the_same_bytes(sides):
    words = [sys.executable, "-c", _COMMAND, "diff", *map(str, sides), "--inventory", str(INVENTORY), "--json"]
    runs = [
        subprocess.run(words, capture_output=True, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                       cwd=Path(__file__).parents[2]).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert runs[0]


def test_naming_the_commands_loads_nothing_heavy():
    code = "import sys, recommender.cli_diff; print(*{'pandas', 'kubernetes', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
