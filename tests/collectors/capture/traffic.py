"""Strategies for packet sequences: few hosts and ports, so that packets meet in conversations; times that jump."""

import struct

from hypothesis import strategies as st

from tests.collectors.capture.frames import (
    ACK,
    EPOCH,
    FIN_ACK,
    PUSH_ACK,
    RST,
    RST_ACK,
    SYN,
    SYN_ACK,
    block,
    enhanced,
    ethernet,
    icmp,
    interface,
    ip,
    option,
    sctp,
    section,
    tcp,
    udp,
)

HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2")
# Within one bucket, to its edge, beyond it, past each patience of the kernel, and back.
STEPS = (
    *(0,) * 6, *(0.001,) * 6, *(0.5,) * 4, 5, 31, 59.999999, 60, 61, 75, 200, 299, 301, 3700, 7441, 1e6, -0.001, -5,
    -61, -400, -8000,
)  # fmt: skip
NUMBERS = (1, 2, 100, 101, 2**32 - 1, 0)


@st.composite
def packets(draw):
    """Draw an IP packet of one of a few conversations."""
    source, target = draw(st.sampled_from([(a, b) for a in HOSTS for b in HOSTS if (":" in a) == (":" in b)]))
    low, high = draw(st.sampled_from([(80, 40000), (53, 5000), (7, 7), (38412, 9)]))
    ports = (low, high) if draw(st.booleans()) else (high, low)
    seq, ack = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(NUMBERS))
    kind = draw(st.sampled_from(["tcp"] * 6 + ["udp"] * 3 + ["sctp", "echo", "error", "other", "fragment", "group"]))
    if kind == "tcp":
        flags = draw(st.sampled_from([SYN, SYN, SYN_ACK, SYN_ACK, ACK, PUSH_ACK, PUSH_ACK, FIN_ACK, RST, RST_ACK, 0]))
        data = draw(st.sampled_from([b"", b"x", b"\x16" + bytes(60)]))
        return tcp(source, ports[0], target, ports[1], flags, data, seq, ack)
    if kind == "udp":
        return udp(source, ports[0], target, ports[1], draw(st.sampled_from([b"", b"x", b"y" * 30])))
    if kind == "sctp":
        return sctp(source, ports[0], target, ports[1], draw(st.sampled_from([0, 1, 2, 3, 6, 8, 10, 11, 14])), seq, ack)
    if kind == "echo":
        kinds = (128, 129) if ":" in source else (8, 0, 13, 14)
        return icmp(source, target, draw(st.sampled_from(kinds)), 0, draw(st.sampled_from([1, 2])))
    if kind == "error":
        quoted = draw(st.sampled_from([udp, lambda *ends: tcp(*ends, SYN)]))(target, ports[1], source, ports[0])
        number, code = draw(st.sampled_from([(1, 4), (2, 0)] if ":" in source else [(3, 3), (3, 4), (11, 0)]))
        return icmp(source, target, number, code, 0, quoted[: draw(st.sampled_from([20, 24, 48, 99]))])
    if kind == "fragment" and ":" not in source:
        return ip(source, target, 17, b"rest of it", fragment=3)
    if kind == "group":
        return udp(source, 5353, "ff02::fb" if ":" in source else "224.0.0.251", 5353)
    return ip(source, target, draw(st.sampled_from([50, 89])), b"1234")


UNUSUAL = ["vlan", "vxlan", "geneve", "gre", "ipip", "arp", "broadcast", "padded"]


@st.composite
def frames(draw):
    """Draw an Ethernet frame: plain, tagged, tunnelled, or no IP at all."""
    packet = draw(packets())
    kind = draw(st.sampled_from(["plain"] * 8 + UNUSUAL))
    frame = ethernet(packet)
    if kind == "vlan":
        return frame[:12] + b"\x81\0\0\7" + frame[12:]
    if kind == "vxlan":
        return ethernet(udp("1.0.0.1", 5, "1.0.0.2", 4789, b"\x08" + bytes(7) + frame))
    if kind == "geneve":
        return ethernet(udp("1.0.0.1", 5, "1.0.0.2", 6081, b"\1\0\x65\x58" + bytes(8) + frame))
    if kind == "gre":
        return ethernet(ip("1.0.0.1", "1.0.0.2", 47, b"\x20\0\x65\x58" + bytes(4) + frame))
    if kind == "ipip":
        return ethernet(ip("1.0.0.1", "1.0.0.2", 4 if packet[0] >> 4 == 4 else 41, packet))
    if kind == "arp":
        return bytes(12) + b"\x08\x06" + bytes(28)
    if kind == "broadcast":
        return ethernet(packet, b"\xff" * 6)
    return frame + bytes(18) if kind == "padded" else frame


@st.composite
def sequences(draw, most=60):
    """Draw [(time in ns since the epoch, interface, captured bytes, length on the wire)]."""
    now, out = EPOCH * 10**9, []
    pool = draw(st.lists(frames(), min_size=1, max_size=12))
    for _ in range(draw(st.integers(0, most))):
        # repeated frames are retransmissions, and copies on other interfaces
        frame = draw(st.sampled_from(pool))
        now = max(0, now + round(draw(st.sampled_from(STEPS)) * 10**9))
        cut = draw(st.sampled_from([None] * 9 + [0, 13, 20, 40, 54, 60]))
        out.append((now, draw(st.integers(0, 2)), frame[:cut], len(frame)))
    return out


def as_pcap(sequence, order="<", link=1):
    out = [struct.pack(order + "IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, link)]
    for time, _, frame, wire in sequence:
        out.append(struct.pack(order + "IIII", time // 10**9, time % 10**9, len(frame), wire) + frame)
    return b"".join(out)


def as_pcapng(sequence, order="<", *, link=1, faces=3, odd=()):
    """Interfaces 0, 1, 2 count in ns, microseconds and 2**-20 s; at places in `odd` other blocks lie between."""
    options = [option(9, unit, order) for unit in (b"\x09", b"\x06", b"\x94")]
    out = [section(order)] + [interface(link, options[number], order) for number in range(faces)]
    for place, (time, number, frame, wire) in enumerate(sequence):
        face = number % faces
        ticks = (time, time // 1000, time * 2**20 // 10**9)[face]
        packet = enhanced(ticks, frame, face, order)
        if wire != len(frame):
            packet = block(
                6, struct.pack(order + "IIIII", face, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), wire) + frame, order
            )
        out.append(packet)
        if place in odd:
            out.append(block(3, struct.pack(order + "I", len(frame)) + frame, order))  # a simple packet: no time
            out.append(block(5, struct.pack(order + "III", 0, 0, 0), order))
    return b"".join(out)
