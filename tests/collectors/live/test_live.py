"""Live interfaces in network namespaces: what comes, what is left out, what is lost, and interfaces that change."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from collectors.capture import Conversations
from collectors.errors import UnreadableInput
from collectors.live import SNAP, Change, Live
from collectors.live.interfaces import Interfaces
from tests.collectors.live.hands import Inside, frame, heard, send
from tests.collectors.live.packets import FRAMES, NETWORK
from tests.collectors.live.rule import wanted
from tests.lab.netns import Namespaces

pytestmark = pytest.mark.lab
NODE, POD = "10.77.0.1", "10.77.0.2"


def udp(number, size=60):
    """Return a frame with a UDP datagram that carries a number."""
    body = number.to_bytes(4, "big").ljust(size, b"\0")
    head = bytes.fromhex("4500") + (28 + size).to_bytes(2, "big") + bytes.fromhex("0000000040110000")
    head += socket.inet_aton(POD) + socket.inet_aton(NODE)
    return frame(head + bytes.fromhex("9c400202") + (8 + size).to_bytes(2, "big") + b"\0\0" + body, b"\x08\0")


def untagged(one):
    """Return a frame as the filter sees it: the kernel takes the outermost tag out before."""
    return one[:12] + one[16:] if one[12:14] in (b"\x81\0", b"\x88\xa8") else one


def numbers(found):
    return [int.from_bytes(record.data[42:46], "big") for record in found if record.data[34:38] == b"\x9c\x40\x02\x02"]


def cable(spaces, number, *, address=False):
    """Connect the pod to the node: `veth<number>` there, `eth<number>` here."""
    spaces.ip(
        "node",
        [
            f"link add veth{number} mtu 9000 type veth peer name eth{number} mtu 9000 netns {spaces.full('pod')}",
            f"link set veth{number} up",
            *([f"addr add {NODE}/24 dev veth{number}"] if address else []),
        ],
    )
    spaces.ip("pod", [f"link set eth{number} up", *([f"addr add {POD}/24 dev eth{number}"] if address else [])])


@pytest.fixture(scope="module")
def cables(lab_rights):  # noqa: ARG001
    """Return a node and a pod with two cables between them."""
    with Namespaces(["node", "pod"]) as spaces:
        for name in ("node", "pod"):
            spaces.run(
                name, "sysctl", "-qw", *(f"net.ipv6.conf.{which}.disable_ipv6=1" for which in ("all", "default"))
            )
            spaces.ip(name, ["link set lo up"])
        cable(spaces, 0, address=True)
        cable(spaces, 1)
        yield spaces


@pytest.fixture
def node(cables):
    with Inside(cables, "node") as inside:
        yield inside


@pytest.fixture
def pod(cables):
    with Inside(cables, "pod") as inside:
        yield inside


@pytest.fixture
def live(node):
    """Return a function that begins to capture on the node."""
    begun = []

    def begin(*patterns, **options):
        begun.append(node(Live, patterns, **options))
        return begun[-1]

    yield begin
    for one in begun:
        node(one.close)


@pytest.mark.parametrize("full", [False, True])
def test_of_real_packets_those_come_that_the_rule_wants(live, node, pod, full):
    begun = live("veth0", full=full, snap=9000)
    pod(send, "eth0", [*FRAMES, udp(7)])
    found = node(heard, begun, lambda found: 7 in numbers(found))
    assert [record.data for record in found] == [one for one in [*FRAMES, udp(7)] if wanted(untagged(one), full=full)]
    assert {record.link for record in found} == {1}
    assert node(begun.drops) == {}


def test_a_vlan_tag_that_the_kernel_took_out_is_back_in_its_place(live, node, pod):
    begun = live("veth0")
    tagged = udp(7)[:12] + bytes.fromhex("88a80123") + udp(7)[12:]
    pod(send, "eth0", [tagged, udp(8)])
    found = node(heard, begun, lambda found: 8 in numbers(found))
    assert [(record.data, record.wire) for record in found] == [(tagged, len(tagged)), (udp(8), len(udp(8)))]


def test_a_long_packet_is_cut_and_its_length_on_the_wire_told(live, node, pod):
    begun = live("veth0", snap=500)
    pod(send, "eth0", [udp(7, 3000)])
    (record,) = node(heard, begun, lambda found: found)
    assert (record.data, record.wire) == (udp(7, 3000)[:500], len(udp(7, 3000)))


def test_a_packet_that_finds_no_room_is_counted(live, node, pod):
    begun = live("veth0", ring_bytes=1 << 16)
    pod(send, "eth0", [udp(number, 1400) for number in range(200)])
    found = node(heard, begun, lambda found: found)
    lost = node(begun.drops)
    assert len(found) + lost["veth0"] == 200
    assert lost["veth0"] > 100
    assert node(begun.drops) == {}


def test_a_new_interface_of_a_pattern_is_captured_and_a_lost_one_ends(live, node, pod, cables):
    begun = live("veth0", "veth[5-9]")
    assert begun.names == ("veth0",)
    cable(cables, 5)
    node(heard, begun, lambda _: len(begun.names) > 1)
    pod(send, "eth5", [udp(1)])
    assert numbers(node(heard, begun, numbers)) == [1]
    pod(send, "eth5", [udp(2)])
    cables.ip("node", ["link del veth5"])
    assert numbers(node(heard, begun, lambda found: numbers(found) and begun.names == ("veth0",))) == [2]
    cable(cables, 5)
    node(heard, begun, lambda _: len(begun.names) > 1)
    pod(send, "eth5", [udp(3)])
    assert numbers(node(heard, begun, numbers)) == [3]
    told = [(change.name, change.kind) for change in begun.changes()]
    assert told == [("veth0", "appeared"), ("veth5", "appeared"), ("veth5", "gone"), ("veth5", "appeared")]
    cables.ip("node", ["link del veth5"])


def test_a_named_interface_that_was_away_is_told_with_the_time(live, node, pod, cables):
    cables.ip("node", ["link set veth1 down"])
    begun = live("veth1")
    assert [change.kind for change in begun.changes()] == ["away"]
    cables.ip("node", ["link set veth1 up"])
    node(heard, begun, lambda _: begun.names)
    (back,) = begun.changes()
    assert (back.kind, back.sentence) == ("appeared", "interface veth1 appeared")
    assert back.away[0] < back.away[1]
    cables.ip("node", ["link set veth1 down"])
    node(heard, begun, lambda _: not begun.names)
    gone, away = begun.changes()
    assert (gone.kind, gone.away, away.kind) == ("gone", None, "away")
    cables.ip("node", ["link set veth1 up"])
    node(heard, begun, lambda _: begun.names)
    pod(send, "eth1", [udp(4)])
    assert numbers(node(heard, begun, numbers)) == [4]
    (back,) = begun.changes()
    assert (back.kind, back.away[0]) == ("back", away.away[1])


def test_any_shows_a_packet_of_every_interface_and_each_of_loopback_once(live, node, pod):
    begun = live("any", "veth0")
    assert begun.names == ("any",)
    pod(send, "eth0", [udp(1)])
    pod(send, "eth1", [udp(2)])
    node(send, "lo", [udp(3)])
    node(send, "veth1", [udp(4)])
    found = node(heard, begun, lambda found: len(numbers(found)) == 4)
    assert sorted(numbers(found)) == [1, 2, 3, 4]
    faces = {number: record.face for number, record in zip(numbers(found), found, strict=True)}
    assert faces[2] ^ faces[4] == 1
    assert len({faces[1] >> 1, faces[2] >> 1, faces[3] >> 1}) == 3


def tunnel(name):
    """Open a TUN interface of this thread's namespace: what is written into it comes in there."""
    opened = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(opened, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    return opened


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="this machine has no /dev/net/tun")
def test_packets_of_an_interface_without_a_link_header_come_from_their_ip_header_on(live, node, cables):
    opened = node(tunnel, "tun5")
    try:
        cables.ip("node", ["link set tun5 up"])
        begun = live("tun5")
        for one in (*NETWORK, udp(7)[14:]):
            node(os.write, opened, one)
        found = node(heard, begun, lambda found: any(record.data == udp(7)[14:] for record in found))
        assert [record.data for record in found] == [
            *(one[:SNAP] for one in NETWORK if wanted(one, 65534, 0x0800)), udp(7)[14:]
        ]  # fmt: skip
        assert {record.link for record in found} == {101}
    finally:
        os.close(opened)


@pytest.mark.parametrize("patterns", [["any"], ["veth0"], ["veth*", "lo"]])
def test_connections_are_counted_from_what_the_filter_keeps(live, node, pod, patterns):
    begun = live(*patterns)
    conversations = Conversations()
    conversations.begin_source("live")
    with node(socket.create_server, (NODE, 8080)) as server:
        for _ in range(3):
            with pod(socket.create_connection, (NODE, 8080), 5) as client, server.accept()[0] as served:
                client.sendall(b"a question")
                assert served.recv(100) == b"a question"
                served.sendall(b"its answer")
                assert client.recv(100) == b"its answer"
    node(count, begun, conversations)
    flows = conversations.finish()
    flows = flows[flows.dst_port == 8080]
    assert set(zip(flows.src, flows.dst, flows.orientation, flows.outcome, strict=True)) == {
        (POD, NODE, "handshake", "established")
    }
    assert flows.connections.sum() == 3


def count(live, conversations):
    for _ in range(3):
        for batch in live.read(0.1):
            conversations.consume(batch, 0, len(batch), 3, False, 0, live.faces)


def test_nothing_that_came_before_the_filter_is_handed_over(node, pod, live):
    """Its sender never rests while the ring is made."""
    left_out = [one for one in FRAMES if not wanted(untagged(one)) and len(one) < 1500]
    for number in range(5):
        storm = pod.begin(send, "eth0", left_out * 20)
        begun = live("veth0")
        storm.result(60)
        pod(send, "eth0", [udp(number)])
        found = node(heard, begun, numbers)
        assert [record.data for record in found] == [udp(number)]


def test_an_unknown_interface_is_refused_with_those_that_there_are(node):
    with pytest.raises(UnreadableInput, match=r"no interface 'eth9': name one of .*lo, veth0, veth1, a pattern"):
        node(Live, ["veth0", "eth9"])


def test_where_the_kernel_has_no_memory_for_a_ring_one_sentence_says_so(node):
    with pytest.raises(UnreadableInput, match=r"veth0 cannot be captured: .*: a smaller ring or a narrower pattern"):
        node(Live, ["veth0"], ring_bytes=1 << 46)


def test_without_the_right_to_capture_the_capability_and_its_grants_are_named():
    code = "import sys; from collectors.live import Live; from collectors.errors import UnreadableInput\n"
    code += "try: Live(['lo'])\nexcept UnreadableInput as fault: print(fault)\n"
    drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    done = subprocess.run(
        [*drop, sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stderr == ""
    (sentence,) = done.stdout.splitlines()
    for part in ("CAP_NET_RAW", "sudo", "setcap cap_net_raw+ep /", "capabilities.add: [NET_RAW]"):
        assert part in sentence


def test_elsewhere_than_on_linux_a_pipe_is_named(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnreadableInput, match=r"tcpdump -U -w - \| podfence learn -"):
        Interfaces(["en0"])


def test_opening_says_nothing_on_the_terminal(capfd, live):
    live("any")
    live("veth0")
    assert capfd.readouterr() == ("", "")


def test_the_time_an_interface_was_away_is_told_within_an_interval():
    start, end = pd.Timestamp("2026-01-01", tz="UTC"), pd.Timestamp("2026-01-02", tz="UTC")
    hour = 3600 * 10**9
    assert Change("e", "away", "", None).missing(start, end) == []
    assert Change("e", "away", "", (0, start.value)).missing(start, end) == []
    (span,) = Change("e", "away", "", (0, start.value + hour)).missing(start, end)
    assert span == (start, start + pd.Timedelta(hours=1))
    (span,) = Change("e", "back", "", (end.value - hour, end.value + hour)).missing(start, end)
    assert span == (end - pd.Timedelta(hours=1), end)
