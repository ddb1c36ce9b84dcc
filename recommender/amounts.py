"""Turns what a user writes for a time or a size ("90s", "2h", "2G") into seconds and bytes."""

import argparse
import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MOST = 1e15


def seconds(text: str) -> float:
    """Return the seconds of a time such as 90s, 10m, 1h, 2d; raises argparse's error for anything else."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd])", text.strip())
    if found is None or not (value := float(found[1]) * _SECONDS[found[2]]):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time: write 90s, 10m, 1h or 2d")
    return value


def size(text: str) -> int:
    """Return the bytes of a size such as 500M or 2G (units of 1024); raises argparse's error for anything else."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)([KMGT]?)(?:i?B)?", text.strip())
    value = float(found[1]) * _BYTES[found[2]] if found else 0.0
    if not 1 <= value <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no size: write 500M, 2G or a number of bytes")
    return int(value)
