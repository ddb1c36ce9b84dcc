"""Turns every kustomization under deploy/ into the objects that a real kubectl makes of it, once."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBECTL = Path(sys.executable).parent / "kubectl"
FOLDERS = sorted(file.parent.relative_to(DEPLOY).as_posix() for file in DEPLOY.rglob("kustomization.yaml"))
"""Every folder that can be given to `kubectl apply -k`; "." is the watcher."""


def kubectl(*arguments, **options):
    """Run the project's kubectl with nobody's kubeconfig."""
    with tempfile.TemporaryDirectory() as empty:
        alone = {"PATH": os.environ["PATH"], "HOME": empty, "KUBECONFIG": f"{empty}/none"}
        asked = [KUBECTL, *map(str, arguments)]
        return subprocess.run(asked, capture_output=True, text=True, check=False, env=alone, **options)


@functools.cache
def built(folder):
    """The objects of one kustomization, as `kubectl kustomize` gives them."""
    done = kubectl("kustomize", DEPLOY / folder)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def pods(folder):
    """The pod templates of one kustomization: (kind of the workload, pod spec)."""
    return [
        (item["kind"], item["spec"]["template"]["spec"]) for item in built(folder) if "template" in item.get("spec", {})
    ]


def containers(folder):
    """Every container of one kustomization: (kind of the workload, pod spec, container)."""
    return [
        (kind, pod, container)
        for kind, pod in pods(folder)
        for container in (*pod["containers"], *pod.get("initContainers", ()), *pod.get("ephemeralContainers", ()))
    ]


def discovery(items):
    """What `kubectl --dry-run=client` asks for, and no more: which kinds there are."""
    answers, groups = {}, {}
    for item in items:
        group, _, version = item["apiVersion"].rpartition("/")
        entry = {"name": item["kind"].lower() + "s", "singularName": item["kind"].lower(), "kind": item["kind"],
                 "namespaced": "namespace" in item["metadata"], "verbs": ["create", "get", "patch"]}  # fmt: skip
        told = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": item["apiVersion"], "resources": []}
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        answers.setdefault(root, told)["resources"].append(entry)
        if group:
            groups[group] = {"groupVersion": item["apiVersion"], "version": version}
    listed = [{"name": name, "versions": [one], "preferredVersion": one} for name, one in sorted(groups.items())]
    answers["/api"] = {"kind": "APIVersions", "versions": ["v1"]}
    answers["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    return answers
