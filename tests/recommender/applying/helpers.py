"""Turns a few words into calls of `podfence apply`, policies to apply, and what a server holds."""

import contextlib
import copy
import json
import os
import pty
import sys
from pathlib import Path

from tests.collectors.applyserver import policy
from tests.recommender.commands import podfence

SAMPLES = Path(__file__).parents[3] / "sample_captures"
OURS = {"app.kubernetes.io/managed-by": "podfence"}


def apply(server, *words):
    return podfence("apply", *words, "--kubeconfig", server.kubeconfig())


def written(folder, *items):
    folder.mkdir(parents=True, exist_ok=True)
    for item in items:
        (folder / f"{item['metadata']['namespace']}-{item['metadata']['name']}.yaml").write_text(json.dumps(item))
    return folder


def ours(namespace, name, **more):
    return policy(namespace, name, labels=OURS, **more)


def undo_file():
    (file,) = Path().glob("undo-*.json")
    return file


def state(server):
    """What the server holds, without times and versions."""
    held = copy.deepcopy(server.held)
    for item in held.values():
        for key in ("resourceVersion", "generation", "uid"):
            item["metadata"].pop(key)
    return held


@contextlib.contextmanager
def typed(monkeypatch, text):
    """Give a real terminal to the command, at which these lines are typed."""
    master, terminal = pty.openpty()
    with os.fdopen(terminal) as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", file)
        os.write(master, text.encode())
        yield
    os.close(master)
