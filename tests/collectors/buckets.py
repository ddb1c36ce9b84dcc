"""Turns a real S3-compatible server on loopback into a bucket for tests."""

import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.collectors.apiserver import until

MOTO = os.environ.get("PODFENCE_MOTO") or shutil.which("moto_server")
"""An S3-compatible server; it cannot be installed beside kubernetes, so it has an environment of its own."""


@contextmanager
def served() -> Iterator[str]:
    """Serve a bucket called `bucket`; yields the server's address."""
    assert MOTO is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    quiet = subprocess.DEVNULL
    with subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=quiet, stderr=quiet) as server:
        try:
            until(lambda: _made(f"{address}/bucket"), 60)
            yield address
        finally:
            server.terminate()


def _made(url):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="PUT"), timeout=5) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except urllib.error.URLError:
        return False


def asking(monkeypatch, address, key="key"):
    """Let this process ask that server for S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def enforced(address, from_request):
    """Let the server check who asks, from now on or never (moto's own switch)."""
    asked = urllib.request.Request(  # noqa: S310 - loopback
        f"{address}/moto-api/reset-auth", data=str(from_request).encode(), headers={"Content-Type": "text/plain"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
