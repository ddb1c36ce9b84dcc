"""Captures that other projects recorded: our 5-tuples, outermost and innermost, are tshark's.

Needs PODFENCE_SHARED, the folder that holds captures/truth.json. Conversations are compared by direction, for the
flow table does not keep client ports: decoded packets are counted here, what the ledger holds is set apart by class.
"""

import ipaddress
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from collectors.capture.containers import Framing
from collectors.capture.decode import Quote, decode
from collectors.ledger import LedgerWriter
from collectors.sources import read_flows
from collectors.streams import Content

SHARED = os.environ.get("PODFENCE_SHARED", "")
CAPTURES = Path(SHARED or "absent") / "captures"
TRUTH = json.loads((CAPTURES / "truth.json").read_text()) if SHARED else {}
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPV6", 132: "SCTP"}
LAYERS = ("outer", "inner")
# Packets that tshark has in a flow and we in the ledger.
IN_LEDGER = {
    "dns-edns-ecs.pcap": {"fragment": 4},
    "icmp6-mld-query.pcap": {"multicast": 1},
    "icmpv6_nodeinfo_replyipv4.pcap": {"loopback": 1},
    "pbb.pcap": {"multicast": 2},
    "pppoe.pcap": {"multicast": 12, "link_control": 1},
    "test001.pcapng": {"multicast": 2},
    "test202.pcapng": {"multicast": 5},
    "test901.pcapng": {"multicast": 1},
    "wikipedia.pcap": {"multicast": 20},
    "Teredo.pcap": {"multicast": 6},
}
# Tunnels whose ends are of another kind than what is inside.
IN_LEDGER_OF = {
    "outer": {"geneve-47101.pcap": {"loopback": 24}},
    "inner": {"vxlan-encapsulated-igmp-v2.pcap": {"multicast": 3}},
}
# Teredo, a way to IPv6 from behind a home router, is not opened: there tshark's innermost packet is not ours.
NOT_OPENED = {"teredo"}
# tshark refuses the link type and counts no packets; tshark counts custom blocks as packets.
OTHER_COUNT = {
    "brcm-tag-prepend.pcap": 15,
    "juniper_monitor_invalid_cookie_length.pcap": 1,
    "test017.pcapng": -4,
    "test202.pcapng": -3,
}
# tshark takes the last 4 bytes of a frame in FabricPath for a checksum, which cuts SCTP headers that end it, and
# reads the IP protocol of the rest as "other": the same packets, under other keys.
OTHER_KEYS = {"cisco-fabric-path.pcap"}

pytestmark = pytest.mark.skipif(not SHARED, reason="PODFENCE_SHARED names no folder with captures/truth.json")


def ours(path, layer):
    """Return (directional 5-tuple -> [packets, bytes on the wire] as truth.json counts them, ledger, packets)."""
    counts, sizes, noted, number = Counter(), Counter(), Counter(), 0
    with path.open("rb") as stream:
        for _, link_type, wire, data in Framing(Content(stream), path.name, LedgerWriter()).packets():
            number += 1
            decoded = decode(link_type, data, wire, outer=layer == "outer")
            if isinstance(decoded, (str, Quote)):
                noted[decoded if isinstance(decoded, str) else "icmp_error"] += 1
                continue
            key = tuple_of(decoded[0])
            counts[key] += 1
            sizes[key] += wire
    return {key: [count, sizes[key]] for key, count in counts.items()}, noted, number


def tuple_of(key):
    half = (len(key) - 5) // 2
    src, dst = (str(ipaddress.ip_address(part)) for part in (key[:half], key[half : 2 * half]))
    protocol = PROTOCOLS.get(key[-1], "other")
    if protocol not in ("TCP", "UDP", "SCTP"):
        return src, dst, None, None, protocol
    return src, dst, int.from_bytes(key[-5:-3], "big"), int.from_bytes(key[-3:-1], "big"), protocol


def theirs(name, layer):
    """Return what tshark reads; of tunnels that we do not open the outer packet, also as the innermost."""
    flows = TRUTH[name]["flows"]
    closed = {flow["encap"] for flow in flows} & NOT_OPENED
    return {
        (flow["src"], flow["dst"], flow["sport"], flow["dport"], flow["proto"]): [flow["packets"], flow["bytes"]]
        for flow in flows
        if flow["layer"] == ("outer" if flow["encap"] in closed else layer)
    }


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", sorted(TRUTH) or ["none"])
def test_recorded_captures_are_read_as_tshark_reads_them(name, layer):
    found, noted, number = ours(CAPTURES / name, layer)
    expected = theirs(name, layer)
    assert number == TRUTH[name]["packets"] + OTHER_COUNT.get(name, 0)
    if name in OTHER_KEYS:
        tshark = sum(packets for packets, _ in expected.values()) + TRUTH[name]["other_packets"]
        assert sum(packets for packets, _ in found.values()) + noted.total() == tshark
        return
    assert {key: value for key, value in found.items() if expected.get(key) != value} == {}
    missing = sum(packets for key, (packets, _) in expected.items() if key not in found)
    explained = IN_LEDGER.get(name, {}) | IN_LEDGER_OF[layer].get(name, {})
    assert missing == sum(explained.values())
    assert explained.items() <= dict(noted).items()
    assert set(noted) - set(explained) <= {"not_ip", "unknown_link"}


def test_the_recorded_captures_hold_tunnels():
    """So that "innermost" was put to the test."""
    chains = {flow["encap"] for truth in TRUTH.values() for flow in truth["flows"]}
    assert {"vxlan", "geneve", "gre", "gre>erspan", "vlan>gre", "teredo"} <= chains
    inside = {name for name in TRUTH if theirs(name, "inner") != theirs(name, "outer")}
    assert {"erspanIII.pcap", "geneve-47101.pcap", "gre-over-udp-4754.pcap"} <= inside


@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("name", sorted(TRUTH) or ["none"])
def test_the_ledger_of_recorded_captures_balances(name, outer):
    observation = read_flows([CAPTURES / name], outer=outer)
    counted = int(observation.flows["packets"].sum() + observation.flows["reply_packets"].sum())
    assert counted + observation.ledger.packets_total() == observation.window.sources[0].packets
