"""The lab is honest: addresses lead where they say, the recording shows what happened, and nothing stays behind."""

from __future__ import annotations

import csv
import itertools
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import dns, netns, record, scenario
from tests.lab import topology as t
from tests.lab.netns import Namespaces, missing, remains
from tests.lab.probes import Enforced, Probe

SAMPLES = Path(__file__).parents[2] / "sample_captures"
lab = pytest.mark.lab


def _fields(capture: Path, only: str, *fields: str) -> list[list[str]]:
    """Return what tshark says: a reader that shares nothing with us."""
    wanted = [part for field in fields for part in ("-e", field)]
    out = netns.run("tshark", "-n", "-r", str(capture), "-Y", only, "-T", "fields", *wanted)
    return [line.split("\t") for line in out.splitlines()]


@lab
def test_a_service_address_reaches_the_pod_port(shop_lab: Enforced):
    shop, node = shop_lab.shop, (t.NODE4, t.NODE6)
    shop_lab.apply([])
    probes = []
    for service in shop.services:
        for way, six in itertools.product(service.ports if service.cluster4 else (), (0, 1)):
            pairs = [(t.CLIENT, service.ingress, way.port)] if service.ingress else []
            pairs += [(t.CLIENT, node, way.node_port)] if way.node_port else []
            source = shop.pods_of(t.DEBUG)[0].name
            pairs.append((source, (service.cluster4, service.cluster6), way.port))
            probes += [
                Probe(src, service.workload, address[six], port, way.number, way.protocol)
                for src, address, port in pairs
            ]
    assert len(probes) > 25
    assert {probe: what for probe, what in shop_lab.probe(probes, set(probes)).items() if what != "passed"} == {}


@lab
def test_a_wrong_answer_is_noticed(shop_lab: Enforced):
    """The probe says who answered, so that a Service that leads elsewhere cannot pass."""
    service = shop_lab.shop.service("data/redis")
    probe = Probe(t.CLIENT, t.WEB, service.cluster4, 6380, 6379, "TCP")
    assert shop_lab.probe([probe], {probe})[probe].startswith("answered by redis-")


@lab
def test_the_cluster_view_shows_each_packet_once_and_after_dnat(recording: record.Recording):
    capture = recording.folder / "shop.pcap"
    assert _fields(capture, "ip.addr == 10.96.0.0/16 or ipv6.addr == fd00:96::/112", "frame.number") == []
    # A SYN's sequence number is random: the same twice within the resend time is the same packet twice.
    syns = _fields(capture, "tcp.flags.syn == 1", "frame.time_epoch", "tcp.stream", "tcp.seq_raw", "tcp.flags.ack")
    assert len(syns) > 500
    seen: dict[tuple[str, ...], float] = {}
    for when, *packet in syns:
        assert float(when) - seen.get(tuple(packet), 0) > 0.9, packet
        seen[tuple(packet)] = float(when)
    echoes = _fields(capture, "icmp.type == 8", "ip.id", "ip.src", "ip.dst")
    assert len(echoes) == len({tuple(echo) for echo in echoes}) > 0


@lab
def test_the_client_view_shows_service_addresses(recording: record.Recording):
    found = _fields(
        recording.folder / "shop-clients.pcapng",
        "tcp.flags.syn == 1 and tcp.flags.ack == 0 and ip",
        "frame.interface_id",
        "ip.dst",
        "tcp.dstport",
    )
    assert {"0", "1", "2"} == {interface for interface, _, _ in found}
    assert ["0", "10.96.112.31", "80"] in found
    assert ["1", "10.96.200.6", "6380"] in found
    assert ["2", "10.96.200.5", "5432"] in found


@lab
def test_the_long_connection_has_no_handshake_but_data_both_ways(recording: record.Recording):
    found = _fields(
        recording.folder / "shop.pcap", "tcp.port == 5672 and not icmp", "tcp.flags.syn", "tcp.len", "tcp.dstport"
    )
    assert {syn for syn, _, _ in found} <= {"False", "0"}
    assert {port == "5672" for _, size, port in found if size != "0"} == {True, False}


@lab
def test_what_the_scanner_did_is_what_was_declared(recording: record.Recording):
    """By tshark alone: the handshakes that debug completed are none, its half-open ones got a SYN-ACK and sent RST."""
    shop, capture = recording.shop, recording.folder / "shop.pcap"
    own = shop.pods_of(t.DEBUG)[0].ip4
    postgres = shop.pods_of(t.POSTGRES)[0].ip4
    assert _fields(capture, f"ip.src == {own} and tcp.flags == 0x018", "frame.number") == []
    flags = _fields(capture, f"ip.addr == {own} and ip.addr == {postgres} and tcp.port == 5432", "tcp.flags")
    assert [int(flag, 16) for (flag,) in flags] == [0x02, 0x12, 0x04] * 2
    closed = _fields(capture, f"ip.addr == {own} and ip.addr == {postgres} and tcp.port == 22", "tcp.flags")
    assert [int(flag, 16) for (flag,) in closed] == [0x02, 0x14] * 2
    dropped = _fields(capture, f"ip.dst == {own} and tcp.srcport in {{6379, 6666}}", "frame.number")
    assert dropped == []


@lab
def test_a_reused_address_is_dated(recording: record.Recording):
    """Both owners' packets lie inside their owner's dates, as the inventory tells them."""
    items = json.loads((recording.folder / "inventory" / "pods.json").read_text())["items"]
    report = next(pod for pod in items if pod["status"]["phase"] == "Succeeded")
    address = report["status"]["podIP"]
    late = next(pod for pod in items if pod["status"]["podIP"] == address and pod is not report)
    finished = report["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    seen = _fields(recording.folder / "shop.pcap", f"ip.src == {address} and tcp", "frame.time_epoch", "tcp.dstport")
    times = {port: [float(when) for when, other in seen if other == port] for port in ("5432", "3000")}

    def epoch(text: str) -> float:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone

    assert epoch(report["status"]["startTime"]) <= min(times["5432"])
    assert max(times["5432"]) <= epoch(finished) < epoch(late["status"]["startTime"]) <= min(times["3000"])


@lab
def test_nothing_stays_behind(lab_rights: None):  # noqa: ARG001
    before = set(Path("/run/netns").glob("*"))

    def fails_inside() -> None:
        with Namespaces(["x", "y"]) as spaces:
            assert (Path("/run/netns") / spaces.full("x")).exists()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_inside()
    assert set(Path("/run/netns").glob("*")) == before


@lab
def test_two_runs_share_no_name(lab_rights: None):  # noqa: ARG001
    with Namespaces(["x"]) as one, Namespaces(["x"]) as two:
        assert one.full("x") != two.full("x")


@lab
def test_the_remains_of_a_killed_run_are_removed_and_a_live_one_is_not(lab_rights: None):  # noqa: ARG001
    script = (
        "import os, signal; from tests.lab.netns import Namespaces; spaces = Namespaces(['x']).__enter__(); "
        "print(spaces.full('x'), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    left = killed.stdout.strip()
    assert left in remains()
    with Namespaces(["x"]) as live:
        assert left not in remains()
        assert live.full("x") not in remains()
        assert (Path("/run/netns") / live.full("x")).exists()
    assert not (Path("/run/netns") / left).exists()


@lab
def test_the_callers_namespace_is_never_left(lab_rights: None):  # noqa: ARG001
    own = Path("/proc/self/ns/net").readlink()
    with Namespaces(["x"]) as spaces, spaces.socket("x", socket.AF_INET, socket.SOCK_DGRAM) as inside:
        with pytest.raises(OSError, match="unreachable"):
            inside.connect(("192.0.2.1", 9))
        assert Path("/proc/self/ns/net").readlink() == own


def test_without_root_the_reason_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(netns.shutil, "which", lambda _: "/usr/bin/tool")
    monkeypatch.setattr(netns.os, "geteuid", lambda: 1000)
    assert missing() == "the lab makes network namespaces: run it as root"
    monkeypatch.setattr(netns.shutil, "which", lambda tool: None if tool == "nft" else tool)
    assert missing().startswith("the lab needs nft: install")


def test_names_and_addresses_are_unique():
    for shop in (t.shop(0), t.shop(1)):
        assert len({pod.name for pod in shop.pods}) == len(shop.pods)
        own = [pod.ip4 for pod in shop.pods if not pod.workload.host_network]
        assert len(own) - len(set(own)) == (shop.generation == 0)  # the one that is reused
    assert not {pod.ip4 for pod in t.shop(0).pods} & {pod.ip4 for pod in t.shop(1).pods} - {t.NODE4}


def test_dns_answers_what_it_is_asked():
    zone = {"api.shop.svc.cluster.local": ("10.96.0.7", "fd00:96::7")}
    for kind, address in ((dns.A, "10.96.0.7"), (dns.AAAA, "fd00:96::7")):
        assert dns.address(dns.answer(dns.question("api.shop.svc.cluster.local", kind), zone)) == address
    nothing = dns.answer(dns.question("gone.shop.svc.cluster.local", dns.A), zone)
    assert dns.address(nothing) == ""
    assert nothing[3] & 15 == 3  # NXDOMAIN


def test_the_bundled_samples_are_those_of_this_scenario():
    """Whoever changes the scenario records it again."""
    with (SAMPLES / "expected.csv").open(newline="") as rows:
        assert [tuple(row) for row in csv.reader(rows)] == [
            scenario.HEADER,
            *(tuple(map(str, row)) for row in scenario.expected()),
        ]
    pods = json.loads((SAMPLES / "inventory" / "pods.json").read_text())["items"]
    recorded = {pod["metadata"]["name"] for pod in pods if "report" not in pod["metadata"]["name"]}
    assert recorded == {pod.name for pod in t.shop(0).pods if pod.workload.ref != t.REPORT}
    assert all((SAMPLES / name).stat().st_size < 1_500_000 for name in ("shop.pcap", "shop-clients.pcapng"))
