"""What the kernel's connection tracking really prints is read as what really happened."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.flows import Flows
from collectors.formats import conntrack
from collectors.formats.fold import Fold
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.lab.netns import Namespaces

NODE4, POD4, VIP4 = "10.9.0.1", "10.9.0.2", "10.96.0.9"
NODE6, POD6, VIP6 = "fd00:9::1", "fd00:9::2", "fd00:96::9"
NOBODY = "10.9.0.99"
RULES = f"""
table inet track {{
  chain services {{
    type nat hook output priority -100;
    ip daddr {VIP4} tcp dport 80 dnat ip to {POD4}:8080
    ip6 daddr {VIP6} tcp dport 80 dnat ip6 to [{POD6}]:8080
  }}
  chain watch {{ type filter hook output priority 0; ct state new accept; }}
}}
"""


@pytest.fixture
def spaces(lab_rights: None) -> Iterator[Namespaces]:  # noqa: ARG001 - it skips
    """Yield a node with a Service, and a pod behind it."""
    with Namespaces(["node", "pod"]) as made:
        made.ip("node", [f"link add eth0 type veth peer name eth0 netns {made.full('pod')}"])
        for name, four, six in (("node", NODE4, NODE6), ("pod", POD4, POD6)):
            addresses = [f"addr add {four}/24 dev eth0", f"addr add {six}/64 dev eth0 nodad"]
            made.ip(name, ["link set lo up", "link set eth0 up", *addresses])
        somewhere = "neigh add {} lladdr 02:00:00:00:00:99 dev eth0 nud permanent"
        routes = [f"route add {VIP4}/32 dev eth0", f"route add {VIP6}/128 dev eth0"]
        made.ip("node", [somewhere.format(NOBODY), *routes])
        made.run("node", "sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_timestamp=1")
        made.run("node", "nft", "-f", "-", text=RULES)
        yield made


@contextmanager
def events(spaces: Namespaces, log: Path) -> Iterator[None]:
    """Write the node's events to a file while the body runs."""
    command = ["ip", "netns", "exec", spaces.full("node"), "conntrack", "-E", "-o", "timestamp,extended,id"]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.5)  # it says nothing when it begins to listen
        try:
            yield
            time.sleep(0.3)
        finally:
            process.send_signal(signal.SIGINT)


def talk(spaces: Namespaces) -> None:
    """Open, fail and send from the node."""
    for family, address, port in (
        (socket.AF_INET, VIP4, 80), (socket.AF_INET6, VIP6, 80), (socket.AF_INET, POD4, 9), (socket.AF_INET, NOBODY, 7),
    ):  # fmt: skip
        server = spaces.socket("pod", family, socket.SOCK_STREAM)
        server.bind(("", 8080))
        server.listen()
        with server, spaces.socket("node", family, socket.SOCK_STREAM) as client:
            client.settimeout(0.5)
            if client.connect_ex((address, port)) == 0:
                client.sendall(b"x")
    with spaces.socket("pod", socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((POD4, 53))
        server.settimeout(2)
        with spaces.socket("node", socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"question", (POD4, 53))
            server.sendto(b"answer", server.recvfrom(99)[1])
            client.sendto(b"metric", (NOBODY, 8125))


def flows_of(log: Path, listed: int | None = None) -> Flows:
    fold = Fold()
    form = type("Form", (), {"NAME": "conntrack", "read": staticmethod(lambda stream: conntrack.read(stream, listed))})
    with log.open("rb") as stream:
        read_log(form, stream, "log", fold, LedgerWriter(), NameReader(), ClaimTable())
    return fold.finish()


def outcomes(flows: Flows) -> set[tuple[object, ...]]:
    columns = ["dst", "dst_port", "protocol", "service_ip", "outcome"]
    return set(flows[columns].astype("object").fillna("").itertuples(index=False, name=None))


SEEN = {
    (POD4, 8080, "TCP", VIP4, "established"),
    (POD6, 8080, "TCP", VIP6, "established"),
    (NOBODY, 7, "TCP", "", "unanswered"),
    (POD4, 53, "UDP", "", "established"),
    (NOBODY, 8125, "UDP", "", "unanswered"),
}


def test_events_a_listing_and_the_kernels_file_say_what_happened(spaces: Namespaces, tmp_path: Path) -> None:
    log = tmp_path / "events.txt"
    with events(spaces, log):
        talk(spaces)
    flows = flows_of(log)
    assert outcomes(flows) == SEEN | {(POD4, 9, "TCP", "", "refused")}
    assert set(flows["src"]) == {NODE4, NODE6}
    assert set(flows.loc[flows["protocol"] == "TCP", "orientation"]) == {"handshake"}
    now = time.time_ns()
    listing, kernels = tmp_path / "listing.txt", tmp_path / "proc.txt"
    listing.write_text(spaces.run("node", "conntrack", "-L", "-o", "extended"))
    kernels.write_text(spaces.run("node", "cat", "/proc/net/nf_conntrack"))
    # an entry that was refused is gone at once
    assert outcomes(flows_of(listing, now)) == outcomes(flows_of(kernels, now)) == SEEN
