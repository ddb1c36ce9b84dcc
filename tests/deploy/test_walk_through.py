"""docs/learning-cluster.md: its paths, names and figures are those of deploy/."""

import re

from tests.deploy.manifests import DEPLOY, FOLDERS, ROOT, built
from tests.documents import blocks, commands

PAGE = ROOT / "docs" / "learning-cluster.md"
TEXT, SHELL = PAGE.read_text(), "\n".join(blocks(PAGE))


def test_the_walk_through_goes_from_learning_to_policies():
    told = {command[0] for command in commands(PAGE)}
    assert told == {"learn", "observe", "inventory", "suggest", "review", "export"}


def test_every_folder_that_is_applied_is_removed_again_and_there():
    applied = set(re.findall(r"kubectl apply -k deploy/?(\S*)", SHELL))
    assert applied == set(re.findall(r"kubectl delete -k deploy/?(\S*)", SHELL))
    assert {folder or "." for folder in applied} | {"overlays/push"} == set(FOLDERS)


def test_every_path_in_deploy_that_it_names_is_there():
    for path in re.findall(r"`deploy/([\w/.-]*)`", TEXT):
        assert (DEPLOY / path).exists()


def test_the_names_and_figures_are_those_of_the_manifests():
    names = {item["metadata"]["name"] for folder in FOLDERS for item in built(folder)}
    assert {"podfence", "podfence-learn", "podfence-learner"} <= names
    assert set(re.findall(r"-n (podfence[\w-]*)", SHELL)) == {"podfence", "podfence-learn"}
    learner = next(item for item in built("base") if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]
    (container,) = learner["containers"]
    assert f"port {container['ports'][0]['containerPort']} of each node" in TEXT
    asked, most = container["resources"]["requests"], container["resources"]["limits"]
    assert (asked, most) == ({"cpu": "100m", "memory": "256Mi"}, {"cpu": "1", "memory": "1Gi"})
    assert "0.1 CPU and 256 MiB asked for, 1 CPU and 1 GiB at most" in TEXT
