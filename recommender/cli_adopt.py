"""Turns `podfence adopt` into a call of the function of that name, and what it found into lines or JSON."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.cli_options import Say, add_command, add_inventory_path, run_options
from recommender.text import cut

if TYPE_CHECKING:
    from recommender.adopting import Adopted

_SHOWN = 5
"""Examples shown of each kind; --json has all."""
_LONGEST = 400
"""Characters of an example: names and kinds are other people's."""


def add_adopt(commands: Any, show: Say, say: Say) -> None:
    """Add `adopt`; `show` prints data, `say` talks."""
    text = "policies that are there already -> decisions that say the same"
    adopt = add_command(commands, "adopt", lambda given: _adopt(given, show, say), text)
    adopt.add_argument(
        "policies",
        nargs="*",
        type=Path,
        metavar="POLICIES",
        help="YAML files or folders (default: those of the inventory that podfence did not export)",
    )
    add_inventory_path(adopt)
    adopt.add_argument(
        "--observations",
        type=Path,
        required=True,
        metavar="OBS",
        help="observation store: only what was seen is decided",
    )
    adopt.add_argument(
        "-o", "--output", type=Path, required=True, metavar="REVIEW", help="review folder; its decisions stay"
    )


def _adopt(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import adopting  # noqa: PLC0415 - late: --help loads nothing heavy

    done = adopting.adopt(given.policies, given.inventory, given.observations, given.output, run_options(given))
    data = adopted_data(done)
    show(json.dumps(data, indent=2) if given.json else "\n".join(_lines(data)))
    if not done.policies:
        say("no policies to adopt: name files or folders, or an inventory that has NetworkPolicies of others")
    say(f"written to {given.output}; export with `podfence export {given.output} -o DIR`")
    return 0


def adopted_data(done: "Adopted") -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    return {
        "policies": [f"{policy.namespace}/{policy.name}" for policy in done.policies],
        "own": [f"{policy.namespace}/{policy.name}" for policy in done.own],
        "skipped": dict(sorted(done.skipped.items())),
        "suggestions": len(done.suggestions.items),
        "adopted": len(done.added),
        "already_decided": len(done.adoption.decisions) - len(done.added),
        "contradicted": [
            {"communication": str(outcome.communication), "reason": outcome.reason}
            for outcome in done.adoption.contradicted
        ],
        "unused": [
            {name: getattr(entry, name) for name in ("subject", "direction", "peer", "ports", "size", "rule")}
            for entry in done.adoption.unused
        ],
        "reopened": [f"{direction.lower()} of {ref}" for ref, direction in done.reopened],
        "half_decided": [f"{direction.lower()} of {ref}" for ref, direction in done.half_decided],
        "unread": [{"name": one.name, "reason": one.reason} for one in done.unread],
    }


def _lines(data: dict[str, Any]) -> Iterator[str]:
    def row(name: str, text: str) -> str:
        return f"{name:<18} {text}".rstrip()

    own = f", and {len(data['own'])} exported by podfence, which are left out" if data["own"] else ""
    yield row("policies", f"{len(data['policies'])}{own}")
    for kind, count in data["skipped"].items():
        yield row("", f"{count} of kind {cut(kind, _LONGEST)}, which is not read")
    yield row("adopted", f"{data['adopted']:<4} of {data['suggestions']} suggestions are allowed by a rule: accepted")
    if data["already_decided"]:
        yield row("", f"{data['already_decided']:<4} more were decided before, and stay as they were")
    for name, texts, what in _lists(data):
        if texts:
            yield row(name, f"{len(texts):<4} {what}")
            yield from (row("", f"     {cut(text, _LONGEST)}") for text in texts[:_SHOWN])
        if len(texts) > _SHOWN:
            yield row("", f"     and {len(texts) - _SHOWN} more, with --json")


def _lists(data: dict[str, Any]) -> Iterator[tuple[str, list[str], str]]:
    """Yield what there may be many of: its name, a text for each, and what they are."""
    yield (
        "contradicted",
        [f"{one['communication']}: {one['reason']}" for one in data["contradicted"]],
        "suggestions worked although these policies deny them: not decided",
    )
    yield (
        "unused",
        [f"{e['subject']} {e['direction'].lower()}: {e['peer']} {e['ports']} ({e['rule']})" for e in data["unused"]],
        "openings of these policies that nothing observed uses: not carried over",
    )
    yield (
        "open again",
        data["reopened"],
        "workload directions are closed by these policies and not by an export: keep these, or use --default-deny",
    )
    yield (
        "half decided",
        data["half_decided"],
        "workload directions would be closed for what is not decided: decide it before you export",
    )
    yield "unread", [one["reason"] for one in data["unread"]], "policies cannot be read: nothing of them is adopted"
