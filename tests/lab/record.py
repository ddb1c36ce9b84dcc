"""`python -m tests.lab.record -o sample_captures`: runs the shop for a minute -> captures, inventory, expected.csv."""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab import inventory, scenario
from tests.lab import topology as t
from tests.lab.actors import Servers
from tests.lab.capture import AFTER_DNAT, capture, merge
from tests.lab.lab import Lab
from tests.lab.logs import conntrack_events
from tests.lab.netns import missing


@dataclass(frozen=True)
class Recording:
    """What was recorded, and when what happened in it."""

    shop: t.Shop
    times: scenario.Times
    folder: Path
    tracked: Path
    """The node's connection tracking events."""


Beside = Callable[[Lab], AbstractContextManager[object]]
"""What runs in a lab as long as its traffic."""


async def _traffic(
    lab: Lab, seconds: float, several: Path, clients: Path, tracked: Path, beside: Sequence[Beside]
) -> scenario.Times:
    plays = scenario.Scenario(lab, seconds)
    async with Servers(lab) as servers:
        plays.serve(servers)
        lab.nft(plays.drops())
        with await plays.open_long() as long, ExitStack() as captures:
            await asyncio.sleep(0.5)  # the handshake of the long connection stays outside
            everyone = [lab.veth(pod) for pod in lab.pods]
            some = [lab.veth(lab.shop.pods_of(ref)[0]) for ref in (t.WEB, t.API, t.REPORT)]
            captures.enter_context(capture(lab, everyone, several, AFTER_DNAT))
            captures.enter_context(capture(lab, some, clients))
            captures.enter_context(conntrack_events(lab, tracked))
            for one in beside:
                captures.enter_context(one(lab))
            await plays.run(servers, long)
    return plays.times


def record(folder: Path, seconds: float, tracked: Path | None = None, beside: Sequence[Beside] = ()) -> Recording:
    """Record everything that sample_captures holds but its README and its logs.

    Connection tracking events go to a file beside the folder, or to `tracked`.
    """
    tracked = folder.with_name(f"{folder.name}.conntrack.log") if tracked is None else tracked
    now = time.time()
    job = f"report-{int(now // 60)}"
    shop = t.shop(0, job, inventory.uid("Job", "shop", job))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, Lab(shop) as lab:
        several = Path(scratch) / "several.pcapng"
        times = asyncio.run(_traffic(lab, seconds, several, folder / "shop-clients.pcapng", tracked, beside))
        merge(several, folder / "shop.pcap")
    (folder / "shop-clients.pcapng").chmod(0o644)
    (folder / "shop.pcap").chmod(0o644)
    inventory.write(inventory.Cluster(shop, times).lists(), folder / "inventory")
    with (folder / "expected.csv").open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([scenario.HEADER, *scenario.expected()])
    return Recording(shop, times, folder, tracked)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.record", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("sample_captures"))
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    if lacking := missing():
        sys.stderr.write(f"{lacking}\n")
        return 2
    # The report's address passes to a web pod at a third of the time: wait until a full minute falls there, so that
    # no flow row (they are of one minute) holds traffic of both owners.
    time.sleep((60 - options.seconds * 0.35 - time.time()) % 60)
    with tempfile.TemporaryDirectory() as scratch:
        made = record(options.output, options.seconds, Path(scratch) / "conntrack.log")
    sys.stderr.write(f"{made.times.end - made.times.start:.1f} s recorded in {made.folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
