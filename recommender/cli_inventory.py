"""Turns `podfence inventory snapshot` and `podfence inventory watch` into calls of the collectors."""

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

from recommender.cli_options import Say
from recommender.interrupts import stopped_by_signals
from recommender.uncollected import uncollected


def add_inventory(commands: Any, show: Say, say: Say) -> None:
    """Add `inventory` and its own commands; `show` prints data, `say` talks."""
    text = "what the cluster is: workloads, addresses, Services, policies"
    inventory = commands.add_parser("inventory", help=text, description=text)
    parts = inventory.add_subparsers(title="commands", required=True, metavar="COMMAND")
    snapshot = _command(
        parts, "snapshot", "write down what the cluster is now", "folder; each snapshot is one more in it"
    )
    snapshot.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    snapshot.set_defaults(command=lambda given: _snapshot(given, show, say))
    watch = _command(parts, "watch", "write down every change, until stopped", "folder; the timeline in it goes on")
    watch.set_defaults(command=lambda given: _watch(given, say))


def _command(parts: Any, name: str, text: str, output: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="INV", help=output)
    parser.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: its current one)")
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="default: $KUBECONFIG or ~/.kube/config, else the pod's ServiceAccount",
    )
    return parser


def _snapshot(given: argparse.Namespace, show: Say, say: Say) -> int:
    from collectors import snapshot  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.cluster import connect  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.kinds import cost_of  # noqa: PLC0415 - late: --help loads nothing heavy

    with uncollected(), contextlib.closing(connect(given.context, given.kubeconfig)) as api:
        taken = snapshot.take(api)
    folder = snapshot.write(taken, given.output)
    say(f"{taken.server}: " + ", ".join(f"{count} {resource}" for resource, count in taken.counts.items()))
    for kind, reason in taken.missing.items():
        say(f"no {kind}: {cost_of(kind)} ({reason})")
    data = {
        "folder": str(folder),
        "server": taken.server,
        "time": taken.time.isoformat(),
        "counts": taken.counts,
        "missing": taken.missing,
    }
    show(json.dumps(data, indent=2) if given.json else str(folder))
    return 0


def _watch(given: argparse.Namespace, say: Say) -> int:
    from collectors.cluster import connect  # noqa: PLC0415 - late: --help loads nothing heavy
    from collectors.watching import watch  # noqa: PLC0415 - late: --help loads nothing heavy

    with stopped_by_signals() as stop, contextlib.closing(connect(given.context, given.kubeconfig)) as api:
        say(f"watching {api.where}, writing to {given.output}; stop with Ctrl-C")
        watch(api, given.output, stop=stop, say=say)
    return 0
