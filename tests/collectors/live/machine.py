"""A machine for classic BPF: a program and a packet -> how many bytes of it are kept, as the kernel's manual says."""

import struct

AD_PROTOCOL, AD_HATYPE = 0xFFFFF000, 0xFFFFF01C
SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
WORD = 0xFFFFFFFF


def instructions(code):
    """Return (code, true, false, k) after (code, true, false, k)."""
    return list(struct.iter_unpack("=HBBI", code))


def run(code, frame, hardware, protocol):
    """Return how much a filter keeps of a frame on hardware of an ARPHRD type; 0 drops it, as does a failed load."""
    program = instructions(code)
    held = {"a": 0, "x": 0}
    at = 0
    for _ in range(len(program)):
        kind, true, false, k = program[at]
        at += 1
        if kind & 7 == 6:
            return k
        if kind & 7 == 5:
            at += k if kind == 5 else true if holds(kind, held["a"], k) else false
            continue
        held |= changed(kind, k, held, frame, {AD_PROTOCOL: protocol, AD_HATYPE: hardware})
        if held["a"] is None:
            return 0
    raise AssertionError("a program without an end")


def changed(kind, k, held, frame, told):
    match kind:
        case 0x01:
            return {"x": k}
        case 0x02:
            return {k: held["a"]}
        case 0x07:
            return {"x": held["a"]}
        case 0x87:
            return {"a": held["x"]}
    if kind & 7 == 0:
        return {"a": loaded(kind, k, held, frame, told)}
    assert kind & 7 == 4, f"no such instruction: {kind:#x}"
    return {"a": computed(kind, held["a"], held["x"] if kind & 8 else k)}


def loaded(kind, k, held, frame, told):
    mode = kind & 0xE0
    if mode == 0x80:
        return len(frame)
    if mode == 0x60:
        return held[k]
    if mode == 0x20 and k >= AD_PROTOCOL:
        return told[k]
    assert mode in (0x20, 0x40), f"no such load: {kind:#x}"
    begin, size = k + (held["x"] if mode == 0x40 else 0), SIZES[kind & 0x18]
    return int.from_bytes(frame[begin : begin + size], "big") if begin + size <= len(frame) else None


def computed(kind, a, operand):
    match kind & 0xF0:
        case 0x00:
            return a + operand & WORD
        case 0x10:
            return a - operand & WORD
        case 0x20:
            return a * operand & WORD
        case 0x50:
            return a & operand
        case 0x60:
            return a << operand & WORD
        case 0x70:
            return a >> operand
    raise AssertionError(f"no such arithmetic: {kind:#x}")


def holds(kind, a, k):
    match kind & 0xF0:
        case 0x10:
            return a == k
        case 0x20:
            return a > k
        case 0x30:
            return a >= k
        case 0x40:
            return bool(a & k)
    raise AssertionError(f"no such jump: {kind:#x}")
