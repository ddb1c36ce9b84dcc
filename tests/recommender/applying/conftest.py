"""An API server that keeps policies, and a place without a terminal, for the tests of `podfence apply`."""

import os
import sys
from pathlib import Path

import pytest

from recommender.pipeline import RunOptions, run
from tests.collectors.applyserver import serve_policies
from tests.recommender.applying.helpers import SAMPLES


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No test sees a kubeconfig of this machine, nor a terminal; undo files land in a folder of its own."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    run([str(SAMPLES / "shop.pcap")], SAMPLES / "inventory", folder, RunOptions(accept_observed=True))
    return folder


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server").mkdir()
    with serve_policies(tmp_path / "server") as running:
        yield running
