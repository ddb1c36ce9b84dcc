"""A recording on all interfaces of a node (`-i any`) shows most packets several times: each counts once."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.capture import Conversations, read_capture
from collectors.ledger import LedgerWriter
from tests.lab import netns
from tests.lab.netns import Namespaces

CLIENT, SERVER, NODE = ("10.99.0.2", "fd99::2"), ("10.99.0.3", "fd99::3"), ("10.99.0.1", "fd99::1")
WANTED = ["src", "dst", "dst_port", "protocol", "orientation", "outcome", "connections", "packets", "reply_packets"]
# Answers every line with itself; a second client begins when the first one is gone.
ECHO = """
import pathlib, socket, sys
listening = socket.create_server((sys.argv[1], 8080), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
pathlib.Path(sys.argv[2]).touch()
while True:
    peer, _ = listening.accept()
    with peer:
        while data := peer.recv(9000):
            peer.sendall(data)
"""
TALK = """
import socket, sys
for size in (1, 1000, 60000):
    with socket.create_connection((sys.argv[1], 8080), 5) as peer:
        for _ in range(5):
            peer.sendall(bytes(size))
            left = size
            while left:
                left -= len(peer.recv(left))
"""


@pytest.fixture(scope="module")
def spaces(lab_rights: None) -> Iterator[Namespaces]:  # noqa: ARG001
    """Return a node with a bridge, a client and a server behind it: `veth0` and `veth1` are the cables."""
    if not shutil.which("tcpdump"):
        pytest.skip("a recording on all interfaces needs tcpdump: install tcpdump")
    with Namespaces(["node", "client", "server"]) as made:
        made.ip(
            "node",
            [
                "link set lo up",
                "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                "link set br0 up",
                f"addr add {NODE[0]}/24 dev br0",
                f"addr add {NODE[1]}/64 dev br0 nodad",
            ],
        )
        for number, (name, addresses) in enumerate((("client", CLIENT), ("server", SERVER))):
            made.ip(
                "node",
                [
                    f"link add veth{number} type veth peer name eth0 netns {made.full(name)}",
                    f"link set veth{number} master br0 up",
                ],
            )
            made.ip(
                name,
                [
                    "link set lo up",
                    "link set eth0 up",
                    f"addr add {addresses[0]}/24 dev eth0",
                    f"addr add {addresses[1]}/64 dev eth0 nodad",
                ],
            )
        yield made


@contextmanager
def recording(spaces: Namespaces, out: Path, *options: str) -> Iterator[None]:
    """Record on the node while the body runs."""
    process = spaces.start("node", "tcpdump", "-U", "-n", "-s", "0", *options, "-w", str(out), "tcp port 8080")
    try:
        for _ in range(100):
            if process.poll() is not None:
                raise RuntimeError(f"tcpdump ended early: {process.communicate()[1]}")
            if out.exists() and out.stat().st_size:
                break
            time.sleep(0.05)
        time.sleep(0.3)
        yield
        time.sleep(0.5)  # what is still in the kernel's buffers
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


@contextmanager
def answering(spaces: Namespaces, address: str, ready: Path) -> Iterator[None]:
    """Let a server echo while the body runs; it makes the file `ready` when it listens."""
    process = spaces.start("server", "python3", "-c", ECHO, address, str(ready))
    try:
        for _ in range(200):
            if ready.exists():
                break
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.communicate(timeout=20)


def _read(path: Path) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    conversations, ledger = Conversations(3600), LedgerWriter()
    read_capture(io.BytesIO(path.read_bytes()), path.name, conversations, ledger)
    flows = conversations.finish()
    rows = sorted(tuple(row) for row in flows[WANTED].astype(object).itertuples(index=False, name=None))
    return rows, ledger.ledger().packet_counts()


def _frames(path: Path) -> int:
    return len(netns.run("tshark", "-n", "-r", str(path), "-T", "fields", "-e", "frame.number").splitlines())


def _types(spaces: Namespaces) -> str:
    listed = subprocess.run(
        ["ip", "netns", "exec", spaces.full("node"), "tcpdump", "-i", "any", "-L"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return listed.stdout + listed.stderr


@pytest.mark.lab
@pytest.mark.parametrize("six", [0, 1], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("cooked", ["LINUX_SLL2", "LINUX_SLL"])
def test_recorded_on_any_each_packet_counts_once(spaces: Namespaces, tmp_path: Path, cooked: str, six: int) -> None:
    """As on one cable alone, which shows each packet once."""
    if cooked not in _types(spaces):
        pytest.skip(f"this tcpdump writes no {cooked}")
    everywhere, cable = tmp_path / "any.pcap", tmp_path / "cable.pcap"
    with (
        recording(spaces, everywhere, "-i", "any", "-y", cooked),
        recording(spaces, cable, "-i", "veth0", "-p"),
        answering(spaces, SERVER[six], tmp_path / "ready"),
    ):
        spaces.run("client", "python3", "-c", TALK, SERVER[six])
    once, nothing = _read(cable)
    assert nothing == {}
    assert [row[:7] for row in once] == [(CLIENT[six], SERVER[six], 8080, "TCP", "handshake", "established", 3)]
    found, noted = _read(everywhere)
    assert found == once
    assert set(noted) == {"duplicate"}
    assert noted["duplicate"] + _frames(cable) == _frames(everywhere)
    assert noted["duplicate"] >= _frames(cable)


@pytest.mark.lab
def test_two_cables_in_one_pcapng_show_each_packet_once(spaces: Namespaces, tmp_path: Path) -> None:
    """Dumpcap on both ends of what a bridge forwards."""
    both, cable = tmp_path / "both.pcapng", tmp_path / "cable.pcap"
    process = spaces.start("node", "dumpcap", "-q", "-i", "veth0", "-p", "-i", "veth1", "-p", "-w", str(both))
    try:
        time.sleep(1)
        with recording(spaces, cable, "-i", "veth0", "-p"), answering(spaces, SERVER[0], tmp_path / "ready"):
            spaces.run("client", "python3", "-c", TALK, SERVER[0])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    once, _ = _read(cable)
    found, noted = _read(both)
    assert [row for row in found if row[2] == 8080] == once
    assert noted["duplicate"] >= _frames(cable)
