"""Turns a made-up review into what the widget costs: CPU seconds to open and search it, and bytes that go to the view.

.venv/bin/python -m benchmarks.widget [--workloads 5000] [--communications 100000]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.recommend import make_communications, make_inventory
from benchmarks.table import digits, machine, markdown
from collectors.observation import ObservationWindow
from recommender.notebook.session import Session
from recommender.store import save_suggestions
from recommender.suggest import suggest
from recommender.uncollected import uncollected

_BEGIN = pd.Timestamp("2026-11-01T00:00:00Z")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.widget", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", type=lambda text: int(float(text)), default=5_000)
    parser.add_argument("--communications", type=lambda text: int(float(text)), default=100_000)
    words = parser.parse_args()
    with uncollected():  # as the commands do it
        found = measure(words.workloads, words.communications)
    rows = [[name, digits(value)] for name, value in found.items()]
    print(f"{markdown(['a review in the widget', ''], rows)}\n{machine()}")


def measure(workloads: int, communications: int) -> dict[str, float]:
    """Return what opening a review and searches in it cost."""
    inventory = make_inventory(workloads)
    seen = make_communications(np.random.default_rng(7), tuple(inventory.workloads), communications)
    suggestions = suggest(seen, inventory, ObservationWindow(_BEGIN, _BEGIN + pd.Timedelta(days=7)))
    spent: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        begun = time.process_time()
        found = step()
        spent[f"{name}, CPU s"] = time.process_time() - begun
        return found

    with tempfile.TemporaryDirectory() as folder:
        timed("save suggestions.json", lambda: save_suggestions(suggestions, folder))
        spent["suggestions.json, MB"] = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
        session = timed("open", lambda: Session(Path(folder), "ann", inventory))
        page = timed("first page", session.page)
        spent["to the view, kB"] = len(json.dumps([page, session.summary()])) / 1e3
        session.handle({"do": "rows", "offset": 0, "text": "app-00017"})
        timed("the first search", session.page)
        session.handle({"do": "rows", "offset": 0, "text": "app-00018"})
        timed("the next search", session.page)
    return spent


if __name__ == "__main__":
    main()
