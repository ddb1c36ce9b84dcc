"""What exporters send to an address is observed until it is told to stop."""

import shutil
import socket
import threading
from pathlib import Path

import pytest

from collectors import read_flows
from collectors.errors import UnreadableInput
from tests.lab.logs import exported

SAMPLES = Path(__file__).parents[2] / "sample_captures"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.skipif(shutil.which("softflowd") is None, reason="softflowd is not installed")
@pytest.mark.parametrize("version", [9, 10])
def test_what_softflowd_exports_is_heard(version):
    port, heard = free_port(), []
    done = threading.Event()
    reader = threading.Thread(
        target=lambda: heard.append(read_flows([f"udp://127.0.0.1:{port}"], stopped=done.is_set)), daemon=True
    )
    reader.start()
    _wait_until_bound(port)
    exported(SAMPLES / "shop.pcap", port, version)
    done.set()
    reader.join(20)
    (seen,) = heard
    (source,) = seen.window.sources
    assert (source.name, source.kind) == (f"udp://127.0.0.1:{port}", "netflow")
    assert source.packets > 500
    worked = seen.flows[seen.flows["outcome"] == "established"]
    assert {("10.244.1.13", 8080), ("10.244.1.22", 6379)} <= set(zip(worked["dst"], worked["dst_port"], strict=True))


def _wait_until_bound(port):
    for _ in range(200):
        if f":{port:04X} " in Path("/proc/net/udp").read_text():
            return
        threading.Event().wait(0.05)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize(
    "address", ["udp://", "udp://127.0.0.1", "udp://127.0.0.1:0", "udp://127.0.0.1:65536", "udp://:x"]
)
def test_what_is_no_address_is_one_sentence(address):
    with pytest.raises(UnreadableInput, match="is no address to listen at"):
        read_flows([address])


def test_an_address_that_is_taken_is_one_sentence():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(UnreadableInput, match=r"cannot be listened at \(address already in use\)"):
            read_flows([f"udp://127.0.0.1:{sock.getsockname()[1]}"])
