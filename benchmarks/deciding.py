"""Turns a made-up review, all of it decided, into the seconds that one decision more takes.

    .venv/bin/python -m benchmarks.deciding [--workloads 500] [--communications 10000] [--write]

Everything is decided by one bulk decision, as in a review at its end. Then the review is opened, and the widget's
session, without a browser, decides row after row anew: `to the answer` is what is done before the widget answers, and
`to the pane` what follows until the pane beside the table is new. The commands are whole processes. Seconds are of the
clock: a person waits for all of them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.recommend import make_communications, make_inventory
from benchmarks.table import README, digits, machine, markdown, paste
from collectors.observation import ObservationWindow
from recommender.desk import Desk
from recommender.notebook.session import Session
from recommender.store import load_decisions, save_suggestions
from recommender.suggest import suggest
from recommender.uncollected import uncollected

_DECISIONS = 9


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deciding", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", type=lambda text: int(float(text)), default=500)
    parser.add_argument("--communications", type=lambda text: int(float(text)), default=10_000)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    words = parser.parse_args()
    half = measure(words.workloads // 2, words.communications // 2)
    whole = measure(words.workloads, words.communications)
    head = [
        "seconds",
        f"{words.workloads // 2:,} workloads, {words.communications // 2:,} decided",
        f"{words.workloads:,} workloads, {words.communications:,} decided",
        "last / first",
    ]
    rows = [[name, digits(half[name]), digits(whole[name]), digits(whole[name] / half[name])] for name in whole]
    text = f"{markdown(head, rows)}\n{machine()}\n"
    print(text)
    if words.write:
        paste(README, "deciding", text)


def measure(workloads: int, communications: int) -> dict[str, float]:
    """Return the seconds of each step, in a review folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ids = make_review(folder, workloads, communications)
        opened, session = _timed(lambda: Session(folder, "ann"))
        answered, shown = zip(*(_decided(session, key) for key in ids[:_DECISIONS]), strict=True)
        spent = {
            "opened": opened,
            "first decision, to the answer": answered[0],
            "another, to the answer": median(answered[1:]),
            "slowest of another": max(answered[1:]),
            "another, to the pane": median(shown[1:]),
            "podfence review REVIEW decline ID": _command(folder, "decline", ids[-1]),
            "podfence review REVIEW undo": _command(folder, "undo"),
        }
        if len(load_decisions(folder)) != len(ids):
            raise SystemExit(f"{folder}: not all of {len(ids)} are decided: this measures nothing")
        return spent


def make_review(folder: Path, workloads: int, communications: int) -> tuple[str, ...]:
    """Write a review folder in which everything is accepted at once, and return the ids of its suggestions."""
    inventory = make_inventory(workloads)
    seen = make_communications(np.random.default_rng(7), tuple(inventory.workloads), communications)
    save_suggestions(suggest(seen, inventory, ObservationWindow()), folder)
    desk = Desk(folder, "ann")
    ids = tuple(item.id for item in desk.suggestions.items)
    desk.decide_undecided(ids, "accept", "checked with the owners")
    return ids


def _decided(session: Session, key: str) -> tuple[float, float]:
    """Return the seconds of one decision until the widget would answer, and until its pane would be new."""
    session.handle({"do": "detail", "key": key})
    session.detail()

    def answer() -> None:
        if not session.handle({"do": "decide", "keys": [key], "choice": "decline"}).ok:
            raise SystemExit(f"{key} could not be decided: this measures nothing")
        session.summary()
        session.page()

    with uncollected():  # as the widget does it
        answered, _ = _timed(answer)
    shown, _ = _timed(session.detail)
    return answered, answered + shown


def _command(folder: Path, *words: str) -> float:
    command = [sys.executable, "-m", "recommender.cli", "review", str(folder), *words]
    return _timed(lambda: subprocess.run(command, check=True, capture_output=True))[0]


def _timed(step: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = step()
    return time.perf_counter() - begun, found


if __name__ == "__main__":
    main()
