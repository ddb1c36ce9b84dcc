"""The rule of the capture filter in plain Python: a frame -> whether policies need it."""

TAGS = {0x8100, 0x88A8, 0x9100, 0x9200, 0x9300, 0x8847, 0x8848, 0x8864, 0x88E7, 0x8903, 0x8926}
FIN, SYN, RST, PSH = 1, 2, 4, 8


class Short(Exception):
    """The packet ends within a header."""


def number(frame, at, size):
    if at + size > len(frame):
        raise Short
    return int.from_bytes(frame[at : at + size], "big")


def wanted(frame, hardware=1, protocol=0x0800, *, full=False):
    """Return whether a frame is kept."""
    try:
        if hardware in (1, 772):
            return _ethernet(frame, full)
        if protocol not in (0x0800, 0x86DD):
            return False
        version = number(frame, 0, 1) >> 4
        return version not in (4, 6) or full or _ip(frame, 0, version, inside=False)
    except Short:
        return False


def _ethernet(frame, full):
    kind = number(frame, 12, 2)
    if kind in (0x0800, 0x86DD):
        return full or _ip(frame, 14, 4 if kind == 0x0800 else 6, inside=False)
    return kind in TAGS or (kind <= 1500 and number(frame, 14, 4) == 0xAAAA0300)


def _ip(frame, at, version, *, inside):
    if version == 4:
        if number(frame, at + 6, 2) & 0x3FFF:
            return True
        protocol, body = number(frame, at + 9, 1), at + (number(frame, at, 1) & 15) * 4
    else:
        protocol, body = number(frame, at + 6, 1), at + 40
    if protocol == 6:
        return _tcp(frame, body)
    if protocol == 58:
        return not 133 <= number(frame, body, 1) <= 137
    if inside:
        return True
    if protocol in (4, 41) and len(frame) - body >= 20:
        version = number(frame, body, 1) >> 4
        return version not in (4, 6) or _ip(frame, body, version, inside=True)
    if protocol == 17 and len(frame) - body >= 70:
        return _datagram(frame, body)
    return True


def _datagram(frame, at):
    port = number(frame, at + 2, 2)
    if port in (4789, 8472) and number(frame, at + 8, 1) == 8:
        at += 16
    elif port == 6081 and number(frame, at + 8, 1) < 64 and number(frame, at + 10, 2) == 0x6558:
        at += 16 + 4 * number(frame, at + 8, 1)
    else:
        return True
    if len(frame) - at < 54:
        return True
    kind = number(frame, at + 12, 2)
    return kind not in (0x0800, 0x86DD) or _ip(frame, at + 14, 4 if kind == 0x0800 else 6, inside=True)


def _tcp(frame, at):
    if number(frame, at + 13, 1) & (FIN | SYN | RST | PSH) or number(frame, at, 2) == 53:
        return True
    if number(frame, at + 8, 4) * 0x9E3779B1 % 2**32 >> 28 == 15:
        return True
    data = at + (number(frame, at + 12, 1) >> 4) * 4
    return number(frame, data, 2) == 0x1603 and number(frame, data + 5, 1) == 1
