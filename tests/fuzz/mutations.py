"""Turns captures into damaged captures, and holds the reader to its law: nothing that a capture holds breaks it."""

import random
import resource
import struct
import sys
import time
import tracemalloc
from pathlib import Path

from tests.collectors.capture import frames as f
from tests.collectors.capture.modes import assert_balanced, read
from tests.collectors.capture.traffic import as_pcap, as_pcapng

SAMPLES = Path(__file__).parents[2] / "sample_captures"
SECONDS = 5
"""What a small capture may take at most, uncompiled and on a busy machine."""
WORDS = (0, 1, 2, 3, 4, 7, 8, 12, 20, 28, 31, 32, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x40000, 2**31 - 1, 2**31, 2**32 - 1)


def synthetic(generator, count=40):
    """Return a capture of everything that is read, whole."""
    a, b = f.A, f.B
    pool = [
        *f.session(),
        f.tcp(a, 1, b, 443, f.PUSH_ACK, b"\x16\3\1" + bytes(60)),
        f.udp(a, 5, b, 53),
        f.udp(b, 53, a, 5, bytes(40)),
        f.sctp(a, 9, b, 38412, 1, 77),
        f.icmp(a, b, 8),
        f.icmp(b, a, 3, 3, 0, f.udp(a, 5, b, 53)),
        f.icmp("fd00::2", "fd00::1", 1, 4, 0, f.udp("fd00::1", 5, "fd00::2", 53)),
        f.tcp("fd00::1", 1, "fd00::2", 2, f.SYN),
        f.ip("fd00::1", "fd00::2", 0, b"\x2b\0" + bytes(6) + b"\x3c\1" + bytes(14) + b"\x2c\0" + bytes(6) + b"\x33\0"
             + bytes(6) + b"\x11\4" + bytes(22) + f.udp("fd00::1", 5, "fd00::2", 53)[40:]),
    ]  # fmt: skip
    inside = f.ethernet(generator.choice(pool))
    pool += [
        f.udp("1.0.0.1", 5, "1.0.0.2", 4789, b"\x08" + bytes(7) + inside),
        f.udp("1.0.0.1", 5, "1.0.0.2", 6081, b"\2\0\x65\x58" + bytes(12) + inside),
        f.udp("1.0.0.1", 5, "1.0.0.2", 4754, b"\xb0\0\x08\0" + bytes(12) + pool[0]),
        f.ip("1.0.0.1", "1.0.0.2", 47, b"\x10\0\x88\xbe" + bytes(12) + inside),
        f.ip("1.0.0.1", "1.0.0.2", 47, b"\x10\0\x22\xeb" + bytes(15) + b"\1" + bytes(8) + inside),
        f.ip("1.0.0.1", "1.0.0.2", 47, b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\3\0\x21" + pool[0]),
        f.ip("1.0.0.1", "1.0.0.2", 4, f.ip("1.0.0.1", "1.0.0.2", 41, f.udp("fd00::1", 5, "fd00::2", 53))),
    ]
    link = generator.choice([1, 1, 1, 0, 9, 101, 113, 276])
    now, sequence = f.EPOCH * 10**9, []
    for _ in range(count):
        packet = generator.choice(pool)
        now += round(10 ** generator.uniform(0, 13)) * generator.choice([1, 1, 1, -1])
        now = max(now, 0) % 2**62
        frame = _link(link, packet, generator)
        sequence.append((now, generator.randrange(3), frame[: generator.choice([None, None, None, 60])], len(frame)))
    order = generator.choice("<>")
    if generator.random() < 0.5:
        return as_pcap([(time % 2**61, *rest) for time, *rest in sequence], order, link)
    return as_pcapng(sequence, order, link=link, odd={generator.randrange(count)})


def _link(link, packet, generator):
    six = packet[0] >> 4 == 6
    kind = b"\x86\xdd" if six else b"\x08\0"
    if link == 1:
        frame = f.ethernet(packet)
        between = generator.choice([
            b"", b"", b"", b"\x81\0\0\1", b"\x88\xa8\0\1\x81\0\0\2", b"\x88\xe7" + bytes(16), b"\x89\x26" + bytes(4)
        ])  # fmt: skip
        label = b"\x88\x47\0\0\0\x40\0\0\1\x40" + packet
        session = b"\x88\x64\x11\0\0\1\0\0" + (b"\0\x57" if six else b"\0\x21") + packet
        return frame[:12] + generator.choice([between + frame[12:]] * 6 + [label, session])
    head = {0: (b"\x1e" if six else b"\2") + bytes(3), 9: b"\xff\3\0" + (b"\x57" if six else b"\x21"), 101: b""}
    return {**head, 113: bytes(14) + kind, 276: kind + bytes(18)}[link] + packet


def mutate(content, generator, donors):
    """Return a capture with some damage."""
    content = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 3, 8, 30])):
        if content:
            _damage(content, generator.randrange(len(content)), generator, donors)
    return bytes(content)


def _damage(content, at, generator, donors):
    size = generator.randrange(1, 40)
    kind = generator.choice(["flip", "flip", "byte", "word", "cut", "drop", "insert", "splice", "double"])
    if kind == "flip":
        content[at] ^= 1 << generator.randrange(8)
    elif kind == "byte":
        content[at] = generator.choice([0, 0xFF, 0x45, 0x60, generator.randrange(256)])
    elif kind == "word":
        content[at : at + 4] = struct.pack(generator.choice("<>") + "I", generator.choice(WORDS))
    elif kind == "cut" and generator.random() < 0.4:
        del content[at:]
    elif kind == "drop":
        del content[at : at + size]
    elif kind == "insert":
        content[at:at] = generator.randbytes(size)
    elif kind == "splice":
        donor = generator.choice(donors)
        start = generator.randrange(len(donor))
        content[at:] = donor[start : start + 4000]
    elif kind == "double":
        content[at:at] = content[at : at + 5 * size]


def samples():
    """Return the heads of the bundled captures."""
    return [path.read_bytes()[:20_000] for path in sorted(SAMPLES.glob("*.pcap*"))]


def hold(content, module, generator):
    """Read damaged bytes and hold the result to the law; return it."""
    began = time.process_time()
    result = read(content, module, piece=generator.choice([1 << 20, 1 << 20, 777, 61]), outer=generator.random() < 0.2)
    assert_balanced(*result)
    assert time.process_time() - began < SECONDS, "too slow"
    return result


def memory_of(content, module, **options):
    """Return how many bytes Python and numpy held at most while reading, beyond what they held before."""
    tracemalloc.start()
    try:
        read(content, module, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def resident():
    """Return the most memory that this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def case(seed):
    """Return (generator, damaged capture) of one seed: always the same."""
    generator = random.Random(seed)
    donors = [synthetic(generator, 12), synthetic(generator, 30)]
    if generator.random() < 0.3:
        donors += samples()
    return generator, mutate(generator.choice(donors), generator, donors)
