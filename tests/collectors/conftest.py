"""Turns each kind of object store into a URL that nothing else uses."""

import uuid

import pytest

from tests.collectors import buckets


@pytest.fixture(scope="session")
def bucket():
    """A bucket on a real S3-compatible server on loopback."""
    if buckets.MOTO is None:
        pytest.skip("moto_server is not installed: pip install 'moto[server]' into an environment of its own")
    with buckets.served() as address:
        yield address


@pytest.fixture(params=["file", "memory", "s3"])
def url(request, tmp_path, monkeypatch):
    own = uuid.uuid4().hex
    if request.param == "file":
        return f"file://{tmp_path}/mirrors/node-1"
    if request.param == "memory":
        return f"memory://{own}/node-1"
    buckets.asking(monkeypatch, request.getfixturevalue("bucket"))
    return f"s3://bucket/{own}/node-1"


@pytest.fixture
def memory():
    return f"memory://{uuid.uuid4().hex}/node-1"
