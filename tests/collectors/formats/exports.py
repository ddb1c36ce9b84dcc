"""Export messages of NetFlow v5, v9 and IPFIX made by hand, and what they are read as."""

import io
import ipaddress
import struct

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats import netflow
from collectors.formats.fold import Fold
from collectors.formats.ipfix_elements import ELEMENTS
from collectors.formats.netflow_wire import V5, V9
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import only

SECOND = 10**9
START = 1_772_359_200  # 2026-03-01T10:00:00Z
UPTIME = 600_000  # ms for which the exporter had been up at START
VARIABLE = 65535
ANTREA = (
    ("flowStartSeconds", 4), ("flowEndSeconds", 4), ("sourceIPv4Address", 4), ("destinationIPv4Address", 4),
    ("sourceTransportPort", 2), ("destinationTransportPort", 2), ("protocolIdentifier", 1), ("packetTotalCount", 8),
    ("packetDeltaCount", 8), ("octetDeltaCount", 8), ("reversePacketTotalCount", 8), ("reversePacketDeltaCount", 8),
    ("reverseOctetDeltaCount", 8), ("sourcePodName", VARIABLE), ("sourcePodNamespace", VARIABLE),
    ("sourceNodeName", VARIABLE), ("destinationPodName", VARIABLE), ("destinationPodNamespace", VARIABLE),
    ("destinationNodeName", VARIABLE), ("destinationClusterIPv4", 4), ("destinationServicePort", 2),
    ("ingressNetworkPolicyRuleAction", 1), ("egressNetworkPolicyRuleAction", 1), ("tcpState", VARIABLE),
    ("sourcePodLabels", VARIABLE), ("destinationPodLabels", VARIABLE),
)  # fmt: skip
"""What Antrea's flow aggregator sends, less what is never read."""
PLAIN = (
    ("sourceIPv4Address", 4), ("destinationIPv4Address", 4), ("sourceTransportPort", 2),
    ("destinationTransportPort", 2), ("protocolIdentifier", 1), ("tcpControlBits", 1), ("packetDeltaCount", 4),
    ("octetDeltaCount", 4), ("flowStartSysUpTime", 4), ("flowEndSysUpTime", 4),
)  # fmt: skip
"""What most exporters of NetFlow v9 send."""
DATED = (*PLAIN[:-2], ("flowStartMilliseconds", 8), ("flowEndMilliseconds", 8))
"""The same with times that need no clock of the exporter."""


def flow(src="10.0.1.7:41000", dst="10.0.2.9:8080", protocol=6, flags=0, packets=1, at=0.0, until=None, **others):
    """Return a record by the names of its elements: one way, times in seconds after START."""
    (source, sport), (target, dport) = (end.rsplit(":", 1) for end in (src, dst))
    first, last = at, at if until is None else until
    found = {
        "protocolIdentifier": protocol, "tcpControlBits": flags, "sourceTransportPort": int(sport),
        "destinationTransportPort": int(dport), "packetDeltaCount": packets, "octetDeltaCount": packets * 100,
        "sourceIPv4Address": source, "destinationIPv4Address": target, "sourceIPv6Address": source,
        "destinationIPv6Address": target, "flowStartSysUpTime": UPTIME + int(first * 1000),
        "flowEndSysUpTime": UPTIME + int(last * 1000), "flowStartMilliseconds": int((START + first) * 1000),
        "flowEndMilliseconds": int((START + last) * 1000), "flowStartSeconds": int(START + first),
        "flowEndSeconds": int(START + last),
    }  # fmt: skip
    return found | others


def value(content, length):
    """Return a value as the wire has it: an address or text by its string, a number in so many bytes."""
    if length == VARIABLE:
        text = str(content).encode()
        return (bytes([len(text)]) if len(text) < 255 else b"\xff" + struct.pack("!H", len(text))) + text
    if isinstance(content, str) and content and not content.isalpha():
        return ipaddress.ip_address(content).packed
    return content.encode().ljust(length, b"\0") if isinstance(content, str) else content.to_bytes(length, "big")


def data(number, fields, records):
    """Return a set of records."""
    content = b"".join(
        value(record.get(name, "" if length == VARIABLE else 0), length)
        for record in records
        for name, length in fields
    )
    return part(number, content)


def part(number, content):
    """Return a set."""
    return struct.pack("!HH", number, 4 + len(content)) + content


def described(fields, version):
    """Return fields as a template has them."""
    made = b""
    for name, length in fields:
        element = ELEMENTS[name]
        enterprise = b"" if version == V9 or not element.enterprise else struct.pack("!I", element.enterprise)
        made += struct.pack("!HH", element.number | (0x8000 if enterprise else 0), length) + enterprise
    return made


def template(number, fields, version=10):
    """Return a set of one template."""
    return part(0 if version == V9 else 2, struct.pack("!HH", number, len(fields)) + described(fields, version))


def options(number, fields, version=10, scope=4):
    """Return a set of one options template about an interface, of `scope` bytes."""
    rest = described(fields, version)
    if version == V9:
        return part(1, struct.pack("!HHHHH", number, 4, len(rest), 2, scope) + rest)
    return part(3, struct.pack("!HHHHH", number, 1 + len(fields), 1, 10, scope) + rest)


def v9(*sets, sequence=0, domain=1, at=0):
    """Return a message of NetFlow v9."""
    return struct.pack("!HHIIII", V9, len(sets), UPTIME + at * 1000, START + at, sequence, domain) + b"".join(sets)


def ipfix(*sets, sequence=0, domain=1, at=0):
    """Return a message of IPFIX."""
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), START + at, sequence, domain) + body


def v5(*records, sequence=0, sampling=0, at=0):
    """Return a message of NetFlow v5."""
    made = struct.pack("!HHIIIIHH", V5, len(records), UPTIME + at * 1000, START + at, 0, sequence, 1, sampling)
    for record in records:
        ends = b"".join(ipaddress.ip_address(record[f"{end}IPv4Address"]).packed for end in ("source", "destination"))
        made += ends + struct.pack(
            "!IHHIIIIHHBBBBHHBBH", 0, record.get("ingressInterface", 1), 2, record["packetDeltaCount"],
            record["octetDeltaCount"], record["flowStartSysUpTime"], record["flowEndSysUpTime"],
            record["sourceTransportPort"], record["destinationTransportPort"], 0, record["tcpControlBits"],
            record["protocolIdentifier"], 0, 0, 0, 24, 24, 0,
        )  # fmt: skip
    return made


def captured(messages):
    """Return a classic pcap (raw IPv4) in which each message is the payload of a datagram to port 2055."""
    made = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    for message in messages:
        udp = struct.pack("!HHHH", 40000, 2055, 8 + len(message), 0) + message
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes(4)) + udp
        made += struct.pack("<IIII", START, 0, len(packet), len(packet)) + packet
    return made


def observed(content):
    """Return the flows, the ledger, the reading and the claims of a file."""
    fold, ledger, claims = Fold(), LedgerWriter(), ClaimTable()
    reading = read_log(netflow, io.BytesIO(content), "log", fold, ledger, NameReader(), claims)
    return fold.finish(), ledger.ledger(), reading, claims.finish("log")


def dated(*records, fields=DATED, **header):
    """Return an IPFIX message of a template and its records."""
    return ipfix(template(256, fields), data(256, fields, records), **header)


def row(*records, fields=DATED):
    return only(observed(dated(*records, fields=fields))[0])


def how(*records, fields=DATED):
    found = row(*records, fields=fields)
    return found["src"], found["orientation"], found["outcome"]
