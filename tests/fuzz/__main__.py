"""Fuzzes the reading of captures: `python -m tests.fuzz --seconds 60 [--seed 1]`.

Each seed makes one damaged capture, always the same. The first that breaks the law is written beside its seed, and
the exit code is 1.
"""

import argparse
import itertools
import sys
import tempfile
import time
import traceback
from pathlib import Path

from pandas.testing import assert_frame_equal

from collectors.capture import kernel
from tests.collectors.capture.modes import fenced, read
from tests.fuzz.mutations import case, hold, resident

SMALL = 3000
"""Bytes up to which a capture is also read by the fenced kernel."""
MEMORY = 512 << 20
"""What reading small captures one after the other may take, imports and all."""


def main() -> int:
    """Run seeds until the time is up; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the reading of captures.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; those that follow are counted up")
    asked = parser.parse_args()
    if not kernel.is_compiled():
        print("the kernel is not compiled: only its plain Python is fuzzed")
    until, packets, done, compared = time.monotonic() + asked.seconds, 0, 0, 0
    for seed in itertools.count(asked.seed):
        if time.monotonic() > until:
            break
        generator, content = case(seed)
        try:
            _, _, readings = hold(content, kernel, generator)
            if len(content) <= SMALL:
                plain, checked = read(content), read(content, fenced())
                assert_frame_equal(plain[0], checked[0])
                assert plain[1:] == checked[1:], "the two modes differ"
                compared += 1
            assert resident() < MEMORY, "too much memory"
        except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
            traceback.print_exc()
            kept = Path(tempfile.gettempdir()) / f"podfence-fuzz-{seed}.pcap"
            kept.write_bytes(content)
            print(f"seed {seed} breaks the law; its capture is {kept}")
            return 1
        packets += readings[0].packets
        done += 1
    print(f"{done} captures, {packets} packets, {compared} read in both modes, {resident() >> 20} MiB: no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
