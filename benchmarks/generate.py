"""Turns a seed into a capture of a Kubernetes-like network: pcap (us, ns, both byte orders) or pcapng, in one go.

Each flow has a ready frame for either direction; for a packet it is copied and the few fields that change are written
over it, hundreds of thousands of packets at once. Beside OUT it writes OUT.json: what is in it.

    python -m benchmarks.generate OUT --packets 1e6 --flows 20000 --format ns
"""

import argparse
import json
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from benchmarks.traffic import ARP, ICMP, SYN, TCP, UDP, Array, Flow, Packet, make_traffic

FORMATS = ("us", "ns", "pcapng")

_READY = 96  # bytes of the ready frames; what a packet has behind them is zero
_CHUNK = 1 << 18
_LENGTHS = {TCP: 32, UDP: 8, ICMP: 8, ARP: 8}  # of the header behind IP's; ARP: 28 bytes, 20 of them in place of IPv4
# NOP, NOP, timestamp; then what only a SYN has: maximum segment, window scale, NOP. Others have payload there.
_TCP_OPTIONS = bytes([1, 1, 8, 10, 0, 1, 0, 0, 0, 1, 0, 0, 2, 4, 5, 180, 3, 3, 7, 1])
_QUESTION = b"\x01\x00\x00\x01" + bytes(6) + b"\x03api\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--packets", type=lambda text: int(float(text)), default=100_000)
    parser.add_argument("--flows", type=lambda text: int(float(text)), help="default: one of 50 packets")
    parser.add_argument("--format", choices=FORMATS, default="us")
    parser.add_argument("--endian", choices=("little", "big"), default="little")
    parser.add_argument("--snaplen", type=int, default=96)
    parser.add_argument("--seconds", type=float, default=600, help="that the capture spans")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    flows = words.flows or max(1, words.packets // 50)
    rng = np.random.default_rng(words.seed)
    flow, packet = make_traffic(rng, words.packets, flows, words.seconds)
    with words.out.open("wb") as out:
        write_capture(out, flow, packet, words.format, words.endian, words.snaplen)
    Path(f"{words.out}.json").write_text(json.dumps(truth(flow, packet)) + "\n")


def truth(flow: Flow, packet: Packet) -> dict[str, int]:
    """Return what the capture holds: packets, those that are IP, their bytes as framed, distinct five-tuples of IP."""
    ip = (flow.protocol != ARP)[packet.flow]
    ports = np.where(flow.protocol == ICMP, 0, flow.client_port << 16 | flow.server_port)
    keys = np.stack([flow.client, flow.server, ports, flow.protocol << 1 | flow.v6])[:, flow.protocol != ARP]
    return {
        "packets": len(packet),
        "ip_packets": int(ip.sum()),
        "ip_frame_bytes": int(_wire(flow, packet)[ip].sum()),
        "flows": int(np.unique(keys, axis=1).shape[1]),
    }


def write_capture(out: BinaryIO, flow: Flow, packet: Packet, kind: str, endian: str, snaplen: int) -> None:
    """Write the packets as a capture; `kind` is one of FORMATS."""
    order = "<" if endian == "little" else ">"
    if kind == "pcapng":
        out.write(struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        # Interface 0: Ethernet, times in nanoseconds (option 9), end of options.
        out.write(struct.pack(order + "IIHHIHHB3xHHI", 1, 32, 1, 0, snaplen, 9, 1, 9, 0, 0, 32))
    else:
        magic = 0xA1B23C4D if kind == "ns" else 0xA1B2C3D4
        out.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, 1))
    ready = _ready_frames(flow)
    for begin in range(0, len(packet), _CHUNK):
        _write_records(out, flow, packet.part(slice(begin, begin + _CHUNK)), ready, kind, order, snaplen)


def _write_records(
    out: BinaryIO, flow: Flow, packet: Packet, ready: Array, kind: str, order: str, snaplen: int
) -> None:
    """Write the records of some packets: rows of equal width, of which as much is written as belongs to each."""
    wire = _wire(flow, packet)
    caught = np.minimum(wire, snaplen)
    head = _record_heads(packet, wire, caught, kind, order)
    before, widest = head.shape[1], int(caught.max())
    rows = np.zeros((len(packet), before + max(widest, _READY) + 8), np.uint8)
    rows[:, :before] = head
    rows[:, before : before + _READY] = ready[packet.flow, packet.back.astype(np.int8)]
    _change_fields(rows, before, flow, packet)
    size = before + caught
    if kind == "pcapng":
        padding = -caught % 4
        at = np.arange(len(rows))
        for place in range(3):
            rows[at, size + place] = 0
        size = size + padding
        total = (size + 4).astype(order + "u4").view(np.uint8).reshape(-1, 4)
        for place in range(4):
            rows[at, size + place] = total[:, place]
        size = size + 4
    out.write(rows[np.arange(rows.shape[1], dtype=np.int16) < size.astype(np.int16)[:, None]].tobytes())


def _record_heads(packet: Packet, wire: Array, caught: Array, kind: str, order: str) -> Array:
    """Return the bytes before each frame."""
    if kind == "pcapng":
        total = 32 + caught + -caught % 4
        words = [np.full(len(wire), 6), total, np.zeros(len(wire), int), packet.time >> 32, packet.time & 0xFFFFFFFF]
    else:
        seconds, rest = np.divmod(packet.time, 1_000_000_000)
        words = [seconds, rest if kind == "ns" else rest // 1000]
    columns = np.stack([*words, caught, wire], axis=1).astype(order + "u4")
    return columns.view(np.uint8).reshape(len(wire), -1)


def _network(flow: Flow) -> Array:
    """Return where the IP header begins in the frames of each flow."""
    return np.where(flow.vlan, 18, 14)


def _transport(flow: Flow) -> Array:
    return _network(flow) + np.where(flow.v6, 40, 20)


def _header(flow: Flow, packet: Packet) -> Array:
    """Return the length of the header behind IP's; a SYN has more options."""
    length = np.select([flow.protocol == kind for kind in _LENGTHS], list(_LENGTHS.values()))[packet.flow]
    return length + np.where(packet.flags & SYN, 8, 0)


def _wire(flow: Flow, packet: Packet) -> Array:
    return (_transport(flow)[packet.flow] + _header(flow, packet) + packet.payload).astype(np.int64)


def _ready_frames(flow: Flow) -> Array:
    """Return flow, direction -> the first bytes of a frame, without what differs from packet to packet."""
    frames = np.zeros((len(flow.protocol), 2, _READY), np.uint8)
    client, server = (flow.client, flow.client_port), (flow.server, flow.server_port)
    for back, ((src, src_port), (dst, dst_port)) in enumerate(((client, server), (server, client))):
        for vlan in (False, True):
            for v6 in (False, True):
                of = np.flatnonzero((flow.vlan == vlan) & (flow.v6 == v6))
                frame = np.zeros((len(of), _READY), np.uint8)
                _link(frame, vlan, flow.protocol[of], v6, src[of], dst[of])
                at = 18 if vlan else 14
                _ip(frame[:, at:], v6, flow.protocol[of], src[of], dst[of])
                ports = src_port[of], dst_port[of], flow.client_port[of]
                _above_ip(frame[:, at + (40 if v6 else 20) :], flow.protocol[of], back, v6, *ports)
                _arp(frame[:, at:], np.flatnonzero(flow.protocol[of] == ARP), back, src[of], dst[of])
                frames[of, back] = frame
    return frames


def _link(frame: Array, vlan: bool, protocol: Array, v6: bool, src: Array, dst: Array) -> None:
    for at, address in ((0, dst), (6, src)):
        frame[:, at : at + 2] = 0x02, 0x42
        _put(frame, at + 2, address, 4)
    if vlan:
        frame[:, 12:16] = 0x81, 0x00, 0, 100
    _put(frame, 16 if vlan else 12, np.where(protocol == ARP, 0x0806, 0x86DD if v6 else 0x0800), 2)


def _ip(frame: Array, v6: bool, protocol: Array, src: Array, dst: Array) -> None:
    if v6:
        frame[:, 0], frame[:, 7] = 0x60, 64
        frame[:, 6] = np.where(protocol == ICMP, 58, protocol)
        frame[:, 8:12] = frame[:, 24:28] = 0xFD, 0, 0, 0x10
        _put(frame, 20, src, 4)
        _put(frame, 36, dst, 4)
        return
    frame[:, 0], frame[:, 6], frame[:, 8], frame[:, 9] = 0x45, 0x40, 64, protocol
    _put(frame, 12, src, 4)
    _put(frame, 16, dst, 4)


def _above_ip(
    frame: Array, protocol: Array, back: int, v6: bool, src_port: Array, dst_port: Array, asker: Array
) -> None:
    _put(frame, 0, src_port, 2)
    _put(frame, 2, dst_port, 2)
    tcp, udp, echo = (np.flatnonzero(protocol == kind) for kind in (TCP, UDP, ICMP))
    room = frame.shape[1]
    frame[tcp, 14:16] = 1, 246  # window
    frame[tcp, 20 : min(40, room)] = np.frombuffer(_TCP_OPTIONS, np.uint8)[: room - 20]
    question = np.frombuffer(_QUESTION, np.uint8)[: room - 10]
    frame[udp, 8:10] = 0x12, 0x34
    frame[udp, 10 : 10 + len(question)] = question
    frame[udp, 10] |= back << 7  # a DNS answer; it repeats the question and holds no more
    frame[echo, :4] = 0
    frame[echo, 0] = (129 if back else 128) if v6 else (0 if back else 8)
    frame[echo, 4], frame[echo, 5] = asker[echo] >> 8, asker[echo] & 255


def _arp(frame: Array, which: Array, back: int, src: Array, dst: Array) -> None:
    body = np.zeros((len(which), 28), np.uint8)
    body[:, :8] = 0, 1, 8, 0, 6, 4, 0, 1 + back
    for at, address in ((8, src), (18, dst)):
        body[:, at : at + 2] = 0x02, 0x42
        _put(body, at + 2, address[which], 4)
        _put(body, at + 6, address[which], 4)
    frame[which, :28] = body


def _change_fields(rows: Array, before: int, flow: Flow, packet: Packet) -> None:
    """Write what differs from packet to packet: lengths, id and checksum of IPv4, sequence and flags of TCP."""
    flat, of = rows.reshape(-1), packet.flow
    frame = np.arange(len(rows)) * rows.shape[1] + before
    network, transport = frame + _network(flow)[of], frame + _transport(flow)[of]
    header = _header(flow, packet)
    size = header + packet.payload
    protocol, v6 = flow.protocol[of], flow.v6[of]

    four = np.flatnonzero(~v6 & (protocol != ARP))
    ip = network[four]
    _put_at(flat, ip + 2, size[four] + 20, 2)
    _put_at(flat, ip + 4, packet.number[four] & 0xFFFF, 2)
    _put_at(flat, ip + 10, _checksum(flat, ip), 2)
    _put_at(flat, network[v6] + 4, size[v6], 2)

    tcp, udp, echo = (np.flatnonzero(protocol == kind) for kind in (TCP, UDP, ICMP))
    _put_at(flat, transport[tcp] + 4, packet.seq[tcp], 4)
    _put_at(flat, transport[tcp] + 8, packet.ack[tcp], 4)
    flat[transport[tcp] + 12] = header[tcp] << 2
    flat[transport[tcp] + 13] = packet.flags[tcp]
    _put_at(flat, transport[udp] + 4, size[udp], 2)
    _put_at(flat, transport[echo] + 6, packet.number[echo] >> 1 & 0xFFFF, 2)


def _checksum(flat: Array, at: Array) -> Array:
    total = np.zeros(len(at), np.uint32)
    for place in range(0, 20, 2):
        total += flat[at + place].astype(np.uint32) << 8 | flat[at + place + 1]
    total = (total >> 16) + (total & 0xFFFF)
    return ~((total >> 16) + total) & 0xFFFF


def _put(frame: Array, at: int, value: Array, size: int) -> None:
    """Write big-endian numbers of some bytes into a column of rows."""
    for place in range(size):
        frame[:, at + place] = value >> 8 * (size - 1 - place) & 255


def _put_at(flat: Array, at: Array, value: Array, size: int) -> None:
    """Write big-endian numbers of some bytes at places of a flat array."""
    for place in range(size):
        flat[at + place] = value >> 8 * (size - 1 - place) & 255


if __name__ == "__main__":
    main()
