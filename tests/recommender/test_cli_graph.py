"""`podfence graph` as a user meets it: observations and perhaps policies in, a picture's text out."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.errors import PodfenceError, UnreadableInput
from recommender import drawings_mermaid
from recommender.cli_graph import add_graph
from recommender.drawings_dot import to_dot
from recommender.graphing import graph
from recommender.pipeline import RunOptions, run

SAMPLES = Path(__file__).parents[2] / "sample_captures"
INVENTORY = SAMPLES / "inventory"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Give a whole job on the sample, and its policies without those of postgres."""
    folder = tmp_path_factory.mktemp("job")
    options = RunOptions(accept_observed=True, default_deny=True)
    run([str(SAMPLES / "shop.pcap")], INVENTORY, folder, options)
    kept = [file for file in (folder / "policies").rglob("*.yaml") if "postgres" not in file.name]
    (folder / "fewer").mkdir()
    for number, file in enumerate(sorted(kept)):
        (folder / "fewer" / f"{number}.yaml").write_text(file.read_text())
    return folder


def podfence(job, *words):
    """Return the exit status, what is printed, and what is said."""
    parser = argparse.ArgumentParser()
    shown, said = [], []
    add_graph(parser.add_subparsers(), shown.append, said.append)
    given = parser.parse_args(["graph", str(job / "observations"), "--inventory", str(INVENTORY), *map(str, words)])
    return given.command(given), "\n".join(shown), "\n".join(said)


def test_without_policies_it_draws_what_was_observed(job):
    status, text, said = podfence(job, "--json")
    data = json.loads(text)
    assert (status, data["judged"]) == (0, False)
    assert {edge["class"] for edge in data["edges"]} == {"worked", "failed"}
    assert {node["namespace"] for node in data["nodes"]} == {"", "data", "kube-system", "monitoring", "shop"}
    assert said == f"{len(data['nodes'])} ends, {len(data['edges'])} lines"


def test_with_policies_it_draws_what_they_do_to_it(job):
    status, text, said = podfence(job, "--policies", job / "policies", "--format", "json")
    assert status == 0
    assert {edge["class"] for edge in json.loads(text)["edges"]} == {"allowed", "denied", "undecidable"}
    assert "would be denied" not in said
    status, text, said = podfence(job, "--policies", job / "fewer", "--format", "json")
    breaking = [edge for edge in json.loads(text)["edges"] if edge["class"] == "would_break"]
    assert status == 0
    assert {edge["dst"] for edge in breaking} == {"data/StatefulSet/postgres"}
    assert "data/default-deny-podfence" in breaking[0]["ports"][0]["reason"]
    assert f"{len(breaking)} communications that worked when observed would be denied" in said


@pytest.mark.parametrize(("form", "head"), [("dot", "digraph podfence {"), ("mermaid", "flowchart LR")])
def test_the_format_can_be_chosen(job, form, head):
    assert podfence(job, "--format", form)[1].split("\n")[0] == head
    assert podfence(job)[1] == to_dot(graph(job / "observations", INVENTORY))


def test_it_can_be_narrowed_to_namespaces_and_workloads(job):
    edges = json.loads(podfence(job, "--json", "--namespace", "data")[1])["edges"]
    assert edges
    assert all("data/" in edge["src"] + edge["dst"] for edge in edges)
    narrow = json.loads(podfence(job, "--json", "--workload", "shop/Deployment/web")[1])["edges"]
    assert narrow
    assert all("shop/Deployment/web" in {edge["src"], edge["dst"]} for edge in narrow)
    both = json.loads(podfence(job, "--json", "--workload", "shop/Deployment/web", "--namespace", "data")[1])["edges"]
    assert all(edge in both for edge in [*edges, *narrow])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--namespace", "no\x1bwhere"], r"namespace 'no<U\+001B>where': nothing observed .* name one of data, "),
        (["--workload", "shop/web"], r"workload 'shop/web': .* as namespace/kind/name of data/"),
    ],
)
def test_a_name_that_nothing_has_is_one_sentence_with_those_that_are_known(job, words, sentence):
    with pytest.raises(PodfenceError, match=sentence):
        podfence(job, *words)


def test_a_file_that_is_no_policy_is_one_sentence(job, tmp_path):
    (tmp_path / "bad.yaml").write_text("{a: [")
    with pytest.raises(UnreadableInput, match=r"bad\.yaml"):
        podfence(job, "--policies", tmp_path / "bad.yaml")


def test_a_flowchart_that_mermaid_would_refuse_is_told(job, monkeypatch):
    assert "Mermaid draws at most" not in podfence(job, "--format", "mermaid")[2]
    monkeypatch.setattr(drawings_mermaid, "MOST_EDGES", 3)
    assert "Mermaid draws at most 3 lines" in podfence(job, "--format", "mermaid")[2]


def test_the_same_input_gives_the_same_bytes(job):
    for form in ("dot", "mermaid", "json"):
        assert podfence(job, "--format", form) == podfence(job, "--format", form)


def test_naming_the_command_loads_nothing_heavy():
    code = "import sys, recommender.cli_graph; print(*{'pandas', 'kubernetes', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_is_passed_over_and_assumed_of_the_policies_is_said(job, tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {}\n---\nkind: Service\n"
    )
    said = podfence(job, "--policies", tmp_path)[2]
    assert "skipped: 1 Service" in said
    assert "1 policies name no namespace, so they are taken as of `default`" in said
    (tmp_path / "a.yaml").write_text("")
    assert "no NetworkPolicy in what was given" in podfence(job, "--policies", tmp_path)[2]
