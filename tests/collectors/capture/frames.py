"""Turns a few words into packets and captures, byte by byte, for the tests."""

import ipaddress
import struct

SYN, ACK, SYN_ACK, RST, RST_ACK, FIN_ACK, PUSH_ACK = 0x02, 0x10, 0x12, 0x04, 0x14, 0x11, 0x18
EPOCH = 1_750_000_000


def ip(src, dst, protocol, payload, *, fragment=0):
    source, destination = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if len(source) == 16:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + source + destination + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, fragment, 64, protocol, 0)
    return head + source + destination + payload


def tcp(src, sport, dst, dport, flags, data=b"", seq=0, ack=0):
    return ip(src, dst, 6, struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 0, 0, 0) + data)


def udp(src, sport, dst, dport, data=b"x"):
    return ip(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data)


def icmp(src, dst, kind, code=0, identifier=7, data=b""):
    protocol = 58 if ":" in src else 1
    return ip(src, dst, protocol, struct.pack(">BBHHH", kind, code, 0, identifier, 0) + data)


def sctp(src, sport, dst, dport, chunk, tag=0, answers=0):
    body = struct.pack(">BBHIIHHI", chunk, 0, 20, tag, 0, 0, 0, 0)
    return ip(src, dst, 132, struct.pack(">HHII", sport, dport, answers, 0) + body)


def ethernet(packet, destination=b"\x02\0\0\0\0\1"):
    ether_type = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return destination + b"\x02\0\0\0\0\2" + ether_type + packet


def pcap(frames, *, order="<", magic=0xA1B2C3D4, link=101, unit=1_000_000):
    """Frames are (seconds since EPOCH, bytes); `unit` is the fraction's parts of a second."""
    extra = bytes(8) if magic == 0xA1B2CD34 else b""
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for time, frame in frames:
        seconds, fraction = divmod(EPOCH * unit + round(time * unit), unit)
        out.append(struct.pack(order + "IIII", seconds, fraction, len(frame), len(frame)) + extra + frame)
    return b"".join(out)


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code, data, order="<"):
    return struct.pack(order + "HH", code, len(data)) + data + bytes(-len(data) % 4)


def interface(link=101, options=b"", order="<", snaplen=0):
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(ticks, frame, number=0, order="<", captured=None):
    size = len(frame) if captured is None else captured
    return block(
        6, struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, size, len(frame)) + frame, order
    )


def pcapng(frames, *, order="<", link=101):
    blocks = [enhanced(round((EPOCH + time) * 1_000_000), frame, order=order) for time, frame in frames]
    return section(order) + interface(link, order=order) + b"".join(blocks)


A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def session(client=A, server=B, cport=40000, sport=80, isn=100):
    """Return the packets of a TCP connection from SYN to both FINs."""
    there, back = (client, cport, server, sport), (server, sport, client, cport)
    return [
        tcp(*there, SYN, seq=isn),
        tcp(*back, SYN_ACK, seq=5, ack=isn + 1),
        tcp(*there, ACK),
        tcp(*there, PUSH_ACK, b"GET /"),
        tcp(*back, PUSH_ACK, b"200"),
        tcp(*there, FIN_ACK),
        tcp(*back, FIN_ACK),
        tcp(*there, ACK),
    ]


def timed(packets, start=0.0, step=0.001):
    return [(start + number * step, packet) for number, packet in enumerate(packets)]
