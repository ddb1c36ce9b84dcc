"""Turns `podfence learn` into a learner that is watched: a status line, JSON events, metrics."""

import argparse
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.amounts import seconds, size
from recommender.cli_options import CLUSTER, Say, add_command
from recommender.interrupts import stopped_by_signals
from recommender.learning_screen import Screen

if TYPE_CHECKING:
    from collectors.learning.opening import Opening

_STABLE = "stable"
_SHORTEST = 1.0
"""Seconds of an interval: a segment is a folder of files that are made durable one by one."""


def add_learn(commands: Any, show: Say, say: Say) -> None:
    """Add the command."""
    learn = add_command(
        commands, "learn", lambda given: _learn(given, show, say), "watch live traffic and growing logs, for days"
    )
    learn.add_argument(
        "sources", nargs="*", metavar="SOURCE", help="a log file to follow, - for stdin, udp://HOST:PORT for NetFlow"
    )
    learn.add_argument("-o", "--output", type=Path, required=True, help="learning store; what is in it goes on")
    learn.add_argument(
        "--interface", action="append", default=[], metavar="NAME",
        help="capture here: a name, a pattern such as 'cali*', or any (the default, without SOURCE); may be repeated",
    )  # fmt: skip
    learn.add_argument("--full", action="store_true", help="capture every packet, not only those that policies need")
    learn.add_argument("--every", type=seconds, default=60.0, metavar="TIME", help="write so often (default: 60s)")
    learn.add_argument("--for", dest="lasting", type=seconds, metavar="TIME", help="stop by itself after 90s, 1h, 2d")
    learn.add_argument(
        "--until", choices=[_STABLE], help="stop by itself when two judgements in a row say that coverage is stable"
    )
    learn.add_argument(
        "--inventory", metavar="INV",
        help="who had which address, for judging; `cluster` watches the cluster and keeps its timeline in the store",
    )  # fmt: skip
    learn.add_argument("--context", help="of kubeconfig, with --inventory cluster")
    learn.add_argument("--kubeconfig", type=Path, help="with --inventory cluster")
    learn.add_argument("--review", type=Path, metavar="REVIEW", help="judge by the decisions of this review folder")
    learn.add_argument("--judge-every", type=seconds, default=600.0, metavar="TIME", help="default: 10m")
    learn.add_argument("--metrics", metavar="HOST:PORT", help="answer /metrics and /healthz here")
    learn.add_argument(
        "--budget", type=size, metavar="SIZE", help="most bytes on disk, such as 2G: the oldest go first"
    )
    learn.add_argument("--push", metavar="URL", help="mirror the store to s3://, gs://, abfs:// or file:// (fsspec)")
    learn.add_argument("--format", help="read logs as this format instead of looking (docs/formats.md lists them)")
    learn.add_argument("--columns", metavar="MAPPING", help="with --format generic (docs/formats.md)")
    learn.add_argument("--ring", type=size, metavar="SIZE", help="what the kernel may hold back for us (default: 8M)")


def _learn(given: argparse.Namespace, show: Say, say: Say) -> int:
    from collectors.errors import PodfenceError  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.learning import LearnOptions, learn  # noqa: PLC0415 - as above
    from collectors.learning.opening import feeds_of  # noqa: PLC0415 - as above
    from collectors.segments import Segments  # noqa: PLC0415 - as above
    from recommender.learning_watcher import Watcher  # noqa: PLC0415 - as above

    faults: list[str] = []
    screen = Screen(show, say)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals())
        opening = _opening(given)
        segments = stack.enter_context(Segments(given.output, budget=given.budget))
        inventory = stack.enter_context(_inventory(given, stop, screen.say, faults))
        watcher = Watcher(given, inventory, screen, stop)
        if given.metrics:
            from recommender.learning_server import served  # noqa: PLC0415 - late: seldom wanted

            port = stack.enter_context(served(given.metrics, watcher.answer))
            screen.say(f"answering /metrics and /healthz at port {port}")
        feeds = feeds_of(given.sources, given.interface, opening, stop.is_set)
        screen.say(f"learning from {', '.join(feed.name for feed in feeds)} into {given.output}; Ctrl-C ends it")
        learn(segments, feeds, LearnOptions(given.every, given.lasting), stop.is_set, watcher.tell)
        stop.set()  # threads that still read end too
    watcher.end()
    if faults := [*faults, *watcher.faults]:
        raise PodfenceError(f"learnt in part: {'; '.join(faults)}")
    return 0


def _opening(given: argparse.Namespace) -> "Opening":
    """Return how feeds are opened; raises PodfenceError for options that would only be found wrong much later."""
    from collectors.errors import PodfenceError, one_line  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.formats.generic import NAME as GENERIC  # noqa: PLC0415 - as above; here it is one of many
    from collectors.learning.opening import Opening  # noqa: PLC0415 - as above
    from collectors.live import RING_BYTES  # noqa: PLC0415 - as above

    if given.until and not given.inventory:
        raise PodfenceError("--until stable needs --inventory: whose coverage it is can only be said of workloads.")
    if given.every < _SHORTEST:
        raise PodfenceError("--every is a second at least: each interval is a folder of its own.")
    if given.columns and given.format != GENERIC:
        raise PodfenceError(f"--columns needs --format {GENERIC}: other formats say themselves what theirs mean.")
    if given.inventory != CLUSTER:
        if given.context or given.kubeconfig:
            raise PodfenceError("--context and --kubeconfig need --inventory cluster.")
        if given.inventory and not Path(given.inventory).exists():
            raise PodfenceError(
                f"{one_line(given.inventory)} does not exist: name what `podfence inventory` writes, or `cluster`."
            )
    if given.review:
        if not given.review.is_dir():
            raise PodfenceError(
                f"{one_line(given.review)} is no review folder: name one that `podfence suggest` wrote."
            )
        from recommender.store import load_decisions  # noqa: PLC0415 - late: seldom wanted

        load_decisions(given.review)
    mapping = None
    if given.columns:
        from recommender.pipeline import mapping_of  # noqa: PLC0415 - late: seldom wanted

        mapping = mapping_of(given.columns)
    return Opening(given.full, given.ring or RING_BYTES, given.format, mapping)


@contextlib.contextmanager
def _inventory(given: argparse.Namespace, stop: threading.Event, say: Say, faults: list[str]) -> Iterator[Path | None]:
    """Give the inventory; where it is the cluster, watch that by a thread, and keep its timeline in the store."""
    if given.inventory != CLUSTER:
        yield Path(given.inventory) if given.inventory else None
        return
    from collectors.cluster import connect  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.errors import PodfenceError  # noqa: PLC0415 - as above
    from collectors.watching import watch  # noqa: PLC0415 - as above

    folder = given.output / "inventory"
    ending = threading.Event()
    with contextlib.closing(connect(given.context, given.kubeconfig)) as api:

        def watched() -> None:
            try:
                watch(api, folder, stop=ending, say=say)
            except (PodfenceError, OSError) as fault:
                faults.append(f"the cluster is not watched any more: {fault}")
                say(faults[-1])
                stop.set()

        thread = threading.Thread(target=watched, name="podfence watches", daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            ending.set()
            thread.join()
