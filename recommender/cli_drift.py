"""Turns `podfence drift` into a call of the function of that name, and its drift into text, JSON or Markdown."""

import argparse
import json
from pathlib import Path
from typing import Any

from collectors.errors import PodfenceError, UnreadableInput
from recommender.cli_options import FINDING, Say, add_command, add_inventory_path, place, run_options
from recommender.text import visible

_STDOUT = "-"


def add_drift(commands: Any, show: Say, say: Say) -> None:
    """Add `drift`; `show` prints data, `say` talks."""
    text = "a newer observation against approved decisions: what is new, what vanished, what would be denied; for cron"
    drift = add_command(commands, "drift", lambda given: _drift(given, show, say), text)
    drift.add_argument("review", type=Path, metavar="REVIEW", help="review folder: what was approved")
    told = "observation or learning stores, newer than it"
    drift.add_argument("observations", type=place, nargs="+", metavar="OBS", help=told)
    add_inventory_path(drift, required=False)
    drift.add_argument(
        "--markdown", metavar="FILE", help=f"write a short Markdown for a merge request ({_STDOUT}: instead of text)"
    )
    drift.add_argument("--vanished", action="store_true", help="what vanished is drift too (exit 1)")
    drift.add_argument(
        "--worked", action="store_true", help="new attempts that did not work are listed, and are no drift (exit 0)"
    )
    drift.add_argument("--default-deny", action="store_true", help="as the approved policies were exported")


def _drift(given: argparse.Namespace, show: Say, say: Say) -> int:
    from collectors.stored import open_stores  # noqa: PLC0415 - late: it loads pandas
    from recommender.drift import drift  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.drift_words import drift_data, drift_lines, drift_markdown  # noqa: PLC0415 - late, as above
    from recommender.pipeline import load_review  # noqa: PLC0415 - late, as above

    if given.json and given.markdown == _STDOUT:
        raise UnreadableInput("--json and --markdown - both want stdout; name a file for one of them")
    reviewed = load_review(given.review)
    observation = open_stores(given.observations)
    options = run_options(given)
    found = drift(reviewed, observation, options.known(given.inventory, observation), options.generating)
    drifted = found.has_drifted(vanished=given.vanished, worked=given.worked)
    if given.json:
        show(json.dumps(drift_data(found, drifted=drifted), indent=2))
    elif given.markdown == _STDOUT:
        show(drift_markdown(found).rstrip("\n"))
    else:
        show("\n".join(map(visible, drift_lines(found))))
    if given.markdown not in (None, _STDOUT):
        _write(Path(given.markdown), drift_markdown(found), say)
    if found.undecided:
        say(f"{found.undecided} suggestions of {given.review} are undecided: `podfence review` decides them")
    return FINDING if drifted else 0


def _write(file: Path, text: str, say: Say) -> None:
    from recommender.store import write_text  # noqa: PLC0415 - late: --help loads nothing heavy

    try:
        write_text(file, text)
    except PodfenceError as fault:
        reason = getattr(fault.__cause__, "strerror", None) or "no reason is known"
        raise PodfenceError(f"{file}: cannot be written ({reason}); name another file with --markdown") from fault
    say(f"written to {file}")
