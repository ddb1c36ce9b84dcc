"""Turns `podfence learn` into a learner that is watched: a status line, JSON events, metrics."""

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.amounts import seconds, size
from recommender.cli_options import Say, add_command
from recommender.interrupts import stopped_by_signals

if TYPE_CHECKING:
    from collectors.learning import Interval
    from recommender.learning_judge import Judgement

_CLUSTER = "cluster"
_STABLE = "stable"
_LATE = 3
"""Intervals without one that ended before /healthz says that something is wrong."""


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
    from collectors.learning import LearnOptions, learn  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.learning.opening import feeds_of  # noqa: PLC0415 - as above
    from collectors.segments import Segments  # noqa: PLC0415 - as above

    _refuse(given)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals())
        segments = stack.enter_context(Segments(given.output, budget=given.budget))
        inventory = stack.enter_context(_inventory(given, stop, say))
        watcher = _Watcher(given, inventory, show, say, stop)
        if given.metrics:
            from recommender.learning_server import served  # noqa: PLC0415 - late: seldom wanted

            port = stack.enter_context(served(given.metrics, watcher.answer))
            say(f"answering /metrics and /healthz at port {port}")
        feeds = feeds_of(given.sources, given.interface, _opening(given), stop.is_set)
        say(f"learning from {', '.join(feed.name for feed in feeds)} into {given.output}; Ctrl-C ends it")
        learn(segments, feeds, LearnOptions(given.every, given.lasting), stop.is_set, watcher.tell)
    watcher.end()
    return 0


def _refuse(given: argparse.Namespace) -> None:
    from collectors.errors import PodfenceError  # noqa: PLC0415 - late: it is cheap, but so is the rule

    if given.until and not given.inventory:
        raise PodfenceError("--until stable needs --inventory: whose coverage it is can only be said of workloads.")


def _opening(given: argparse.Namespace) -> Any:
    from collectors.learning.opening import Opening  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.live import RING_BYTES  # noqa: PLC0415 - as above
    from recommender.pipeline import mapping_of  # noqa: PLC0415 - as above

    mapping = mapping_of(given.columns) if given.columns else None
    return Opening(given.full, given.ring or RING_BYTES, given.format, mapping)


@contextlib.contextmanager
def _inventory(given: argparse.Namespace, stop: threading.Event, say: Say) -> Iterator[Path | None]:
    """Give the inventory; where it is the cluster, watch that by a thread, and keep its timeline in the store."""
    if given.inventory != _CLUSTER:
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
                say(f"the cluster is not watched any more: {fault}")
                stop.set()

        thread = threading.Thread(target=watched, name="podfence watches", daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            ending.set()
            thread.join()


class _Watcher:
    """Tells whoever watches where the learner stands."""

    def __init__(
        self, given: argparse.Namespace, inventory: Path | None, show: Say, say: Say, stop: threading.Event
    ) -> None:
        from recommender.learning_judge import STABLE_IN_A_ROW, Judge, rule  # noqa: PLC0415 - late: it loads pandas
        from recommender.learning_progress import Counting  # noqa: PLC0415 - as above

        self._given, self._show, self._say, self._stop = given, show, say, stop
        self._counting: Counting = Counting()
        judged = inventory is not None or given.review is not None
        self._judge: Judge | None = Judge(given.output, inventory, given.review, given.judge_every) if judged else None
        self._enough = rule(STABLE_IN_A_ROW)
        self._last = time.monotonic()
        self._pushing: threading.Thread | None = None

    def tell(self, interval: "Interval") -> None:
        """Tell what an interval came to."""
        from recommender import learning_words as words  # noqa: PLC0415 - late: it loads pandas

        now = self._last = time.monotonic()
        progress = self._counting.take(interval)
        if self._given.json:
            self._show(words.interval_event(interval, progress))
        for remark in interval.remarks:
            self._say(f"\r\x1b[2K{remark}" if sys.stderr.isatty() else remark)
        self._ask(now)
        self._push()
        self._status(words.status_line(self._counting.progress))

    def answer(self, path: str) -> tuple[int, str] | None:
        """Return what is answered at a path."""
        from recommender.learning_words import metrics_text  # noqa: PLC0415 - late: it loads pandas

        progress = self._counting.progress
        if path == "/metrics":
            return 200, metrics_text(progress)
        if path != "/healthz":
            return None
        silent = time.monotonic() - self._last
        if silent > _LATE * self._given.every + 30:
            return 503, f"no interval has ended for {silent:.0f} s\n"
        return (503, f"not written: {progress.unwritten}\n") if progress.unwritten else (200, "ok\n")

    def end(self) -> None:
        """Say what there is now, and what to do with it."""
        from recommender.learning_words import judgement_text  # noqa: PLC0415 - late: it loads pandas

        if self._pushing is not None:
            self._pushing.join()
            self._pushed()
        if self._judge is not None:
            judgement = self._judge.last()
            self._judged(judgement)
            self._say(judgement_text(judgement))
        progress, given = self._counting.progress, self._given
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        lost = f", {progress.drops:,} dropped" if progress.drops else ""
        self._say(f"{progress.packets:,} packets and records{lost}, {progress.known:,} distinct connections; "
                  f"written to {given.output}")  # fmt: skip
        inventory = given.output / "inventory" if given.inventory == _CLUSTER else given.inventory or "INVENTORY"
        self._say(f"next: podfence suggest {given.output} --inventory {inventory} -o REVIEW")

    def _ask(self, now: float) -> None:
        if self._judge is None:
            return
        judgement = self._judge.taken(now)
        if judgement is not None:
            self._judged(judgement)
            if self._enough(judgement) and self._given.until:
                self._say("coverage is stable, by two judgements in a row: learning ends")
                self._stop.set()
        self._judge.ask(now)

    def _judged(self, judgement: "Judgement") -> None:
        from recommender.learning_words import judgement_event  # noqa: PLC0415 - late: it loads pandas

        self._counting.judged(judgement)
        if self._given.json:
            self._show(judgement_event(judgement))

    def _push(self) -> None:
        """Mirror the store, behind the back of what goes on."""
        if not self._given.push or (self._pushing is not None and self._pushing.is_alive()):
            return
        self._pushing = threading.Thread(target=self._pushed, name="podfence pushes", daemon=True)
        self._pushing.start()

    def _pushed(self) -> None:
        from collectors.errors import PodfenceError  # noqa: PLC0415 - late: seldom wanted
        from collectors.pushing import push  # noqa: PLC0415 - as above

        try:
            push(self._given.output, self._given.push)
        except PodfenceError as fault:
            self._say(f"not pushed: {fault}")

    def _status(self, line: str) -> None:
        """Rewrite the line of a terminal, or add one to a log; events on stdout say it already."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2K{line}")
            sys.stderr.flush()
        elif not self._given.json:
            self._say(line)
