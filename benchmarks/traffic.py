"""Turns numbers of packets and flows into the packets of a Kubernetes-like network: arrays in the order of time.

Pods ask services whose popularity follows Zipf's law, and one DNS server; a few flows carry most packets. A quarter
of the TCP flows were there before the capture began, so that no handshake of theirs is in it.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

TCP, UDP, ICMP, ARP = 6, 17, 1, 0
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

START = 1_749_999_960
"""Seconds since 1970: a full minute."""

_WHOLE, _MIDWAY, _REFUSED, _UNANSWERED, _OTHER = range(5)
_LEAST = np.array([6, 2, 2, 3, 2])  # packets of a flow of each of these
_MOST_LEAST = 6
_PORTS = (80, 443, 8080, 8443, 5432, 6379, 9090, 3306, 50051, 9092)
_NETWORK, _GATEWAY, _DNS = 0x0AF40000, 0x0AF40001, 0x0AF4000A  # 10.244.0.0/16
_SEGMENT = 1448

Array = NDArray[Any]


@dataclass(frozen=True)
class Flow:
    """All flows: one value of each array per flow. Addresses are IPv4 as numbers; with `v6` their last 32 bits."""

    protocol: Array
    story: Array
    client: Array
    server: Array
    client_port: Array
    server_port: Array
    v6: Array
    vlan: Array


@dataclass(frozen=True)
class Packet:
    """All packets, earliest first: one value of each array per packet."""

    flow: Array
    number: Array
    """Of the packet in its flow, from 0."""
    back: Array
    """Server to client."""
    time: Array
    """Nanoseconds since 1970."""
    flags: Array
    payload: Array
    seq: Array
    ack: Array

    def __len__(self) -> int:
        return len(self.flow)

    def part(self, which: slice | Array) -> "Packet":
        """Return some of the packets."""
        return Packet(*(getattr(self, field.name)[which] for field in fields(self)))


def make_traffic(rng: np.random.Generator, packets: int, flows: int, seconds: float) -> tuple[Flow, Packet]:
    """Return exactly so many packets of so many flows (a few of which may share addresses and ports)."""
    if packets < _MOST_LEAST * flows or flows < 1:
        raise ValueError(f"{packets} packets are too few for {flows} flows: at least {_MOST_LEAST} a flow.")
    flow = _flows(rng, flows)
    counts = _counts(rng, flow, packets)
    return flow, _packets(rng, flow, counts, seconds)


def _flows(rng: np.random.Generator, number: int) -> Flow:
    pods = max(20, min(5_000, number // 20))
    services = max(5, pods // 6)
    address = _NETWORK + 256 + rng.choice(60_000, pods, replace=False)
    popularity = np.arange(1, services + 1) ** -0.8
    service = rng.choice(services, number, p=popularity / popularity.sum())
    protocol = rng.choice([TCP, UDP, ICMP, ARP], number, p=[0.70, 0.27, 0.02, 0.01])
    story = rng.choice([_WHOLE, _MIDWAY, _REFUSED, _UNANSWERED], number, p=[0.68, 0.25, 0.05, 0.02])
    server, server_port = address[service], rng.choice(_PORTS, services)[service]
    lookup = (protocol == UDP) & (rng.random(number) < 0.95)
    server[lookup], server_port[lookup] = _DNS, 53
    client = rng.choice(address, number)
    return Flow(
        protocol=protocol,
        story=np.where(protocol == TCP, story, _OTHER),
        client=np.where(client == server, _GATEWAY, client),
        server=server,
        client_port=rng.integers(32_768, 61_000, number),
        server_port=server_port,
        v6=(rng.random(number) < 0.08) & (protocol != ARP),
        vlan=rng.random(number) < 0.05,
    )


def _counts(rng: np.random.Generator, flow: Flow, packets: int) -> Array:
    """Return how many packets each flow has: its least, and a share of the others after a heavy-tailed weight."""
    counts: Array = _LEAST[flow.story]
    weight = rng.lognormal(0, 1.6, len(counts)) * np.array([1, 1, 0, 0, 0.02])[flow.story]
    if not weight.any():
        weight += 1
    others = packets - counts.sum()
    exact = weight / weight.sum() * others
    counts = counts + exact.astype(np.int64)
    short = packets - counts.sum()
    counts[np.argsort(exact % 1, kind="stable")[len(counts) - short :]] += 1
    return counts


def _packets(rng: np.random.Generator, flow: Flow, counts: Array, seconds: float) -> Packet:
    """Return the packets of all flows; made flow by flow, sorted by time at the end."""
    of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    begin = np.cumsum(counts) - counts
    number = (np.arange(len(of)) - begin[of]).astype(np.int32)
    left = (counts[of] - number).astype(np.int32)
    story = flow.story.astype(np.uint8)[of]
    back = _direction(rng, story, number, left)
    flags, control = _flags(story, number, left)
    payload = _payload(rng, flow.protocol.astype(np.uint8)[of], control)
    flags[(payload > 0) & (flags > 0)] |= PSH
    seq, ack = _sequence(rng, of, begin, back, payload)
    opening = flags & SYN > 0
    seq -= opening  # the SYN counts as one byte, and nothing was sent before it
    ack[flags & ACK == 0] = 0
    packet = Packet(of, number, back, _times(rng, counts, of, number, seconds), flags, payload, seq, ack)
    return packet.part(np.argsort(packet.time, kind="stable"))


def _direction(rng: np.random.Generator, story: Array, number: Array, left: Array) -> Array:
    back = number % 2 == 1  # questions and answers; also SYN, SYN-ACK, ACK and RST
    data = (story == _MIDWAY) | ((story == _WHOLE) & (number > 2))
    back = np.where(data, rng.random(len(number)) < 0.5, back)
    back[(story == _WHOLE) & (left <= 2)] = False
    back[(story == _WHOLE) & (left == 1)] = True
    back[story == _UNANSWERED] = False
    return back


def _flags(story: Array, number: Array, left: Array) -> tuple[Array, Array]:
    """Return (TCP flags, whether the packet carries no payload for what it is)."""
    flags = np.where(story == _OTHER, 0, ACK).astype(np.uint8)
    whole = story == _WHOLE
    flags[((number == 0) & (whole | (story == _REFUSED))) | (story == _UNANSWERED)] = SYN
    flags[whole & (number == 1)] = SYN | ACK
    flags[(story == _REFUSED) & (number == 1)] = RST | ACK
    flags[whole & (left <= 2)] = FIN | ACK
    return flags, (whole & ((number < 3) | (left <= 2))) | (story == _REFUSED) | (story == _UNANSWERED)


def _payload(rng: np.random.Generator, protocol: Array, control: Array) -> Array:
    tcp = np.minimum(_SEGMENT, rng.lognormal(6, 1.3, len(protocol)) + 1).astype(np.uint32)
    tcp[control | (rng.random(len(protocol)) < 0.35)] = 0  # an ACK alone
    datagram = rng.integers(40, 180, len(protocol), dtype=np.uint32)
    return np.select([protocol == TCP, protocol == UDP, protocol == ICMP], [tcp, datagram, np.uint32(56)], np.uint32(0))


def _sequence(rng: np.random.Generator, of: Array, begin: Array, back: Array, payload: Array) -> tuple[Array, Array]:
    """Return (seq, ack): where each side began, plus one, plus what it sent before in its flow; modulo 2**32."""
    began = rng.integers(0, 2**32, (2, len(begin)), dtype=np.uint32)
    place = []
    for side, sender in enumerate((~back, back)):
        own = np.where(sender, payload, 0).astype(np.uint32)
        before = np.cumsum(own, dtype=np.uint32) - own
        place.append(before - before[begin][of] + began[side][of] + np.uint32(1))
    return np.where(back, place[1], place[0]), np.where(back, place[0], place[1])


def _times(rng: np.random.Generator, counts: Array, of: Array, number: Array, seconds: float) -> Array:
    start = rng.random(len(counts)) * seconds * 0.9
    gap = np.minimum(0.02, (seconds - start) / (counts + 1))
    since = start[of] + (number + 0.9 * rng.random(len(of))) * gap[of]
    nanoseconds: Array = START * 1_000_000_000 + (since * 1e9).astype(np.int64)
    return nanoseconds
