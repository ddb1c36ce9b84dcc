"""Turns `podfence export` into calls of `exporting`: what is written, what would change, and what would break."""

import argparse
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.errors import UnreadableInput, one_line
from recommender.cli_options import CLUSTER, FINDING, Say, add_command, add_context, add_generate, run_options

if TYPE_CHECKING:
    from recommender.communications import Communication
    from recommender.exporting import ExportDiff
    from recommender.policy import NetworkPolicy

_SHOWN = 10
_LONGEST = 400
"""Characters of one line: names are other people's."""


def add_export(commands: Any, show: Say, say: Say) -> None:
    """Add `export`; `show` prints data, `say` talks."""
    text = "approved suggestions -> NetworkPolicy YAML"
    export = add_command(commands, "export", lambda given: _export(given, show, say), text)
    export.add_argument("review", type=Path, metavar="REVIEW", help="review folder")
    export.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for <namespace>/<policy>.yaml; needed but for --diff X"
    )
    modes = export.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="write nothing; exit 1 where the folder differs")
    modes.add_argument(
        "--prune", action="store_true", help="also remove YAML files there that podfence wrote and that are not wanted"
    )
    told = f"write nothing; show what would change in a folder (default: DIR) or in `{CLUSTER}`; exit 1 where anything"
    modes.add_argument("--diff", nargs="?", const="", metavar="WHERE", help=f"{told} would")
    told = f"with --diff {CLUSTER}: its policies are those of this inventory"
    export.add_argument("--inventory", type=Path, metavar="INV", help=told)
    add_context(export, f"with --diff {CLUSTER}: its policies are those of this context")
    add_generate(export)


def _export(given: argparse.Namespace, show: Say, say: Say) -> int:
    if given.output is None and not given.diff:
        raise UnreadableInput("export: no folder is named; name one with -o DIR")
    with telling_what_breaks(say):
        if given.diff is not None:
            return _diff(given, show, say)
        return _check(given, show, say) if given.check else _write(given, show, say)


@contextlib.contextmanager
def telling_what_breaks(say: Say) -> Iterator[None]:
    """Say what a refused export would have cut off, before its sentence."""
    from recommender.half_decided import HalfDecided  # noqa: PLC0415 - late: --help loads nothing heavy

    try:
        yield
    except HalfDecided as fault:
        say_breaking(fault.would_break, say)
        raise


def say_breaking(breaking: "Sequence[Communication]", say: Say) -> None:
    """Say how many communications an export cuts off though nobody declined them, and the first of them."""
    if not breaking:
        return
    say(f"would break: {len(breaking)} communications that worked, and that nobody declined")
    for communication in breaking[:_SHOWN]:
        say(one_line(f"  {communication}", _LONGEST))
    if len(breaking) > _SHOWN:
        say(f"  and {len(breaking) - _SHOWN} more")


def _check(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import exporting  # noqa: PLC0415 - late: --help loads nothing heavy

    differing = exporting.check_export(given.review, given.output, run_options(given))
    show(json.dumps({"differing": differing}) if given.json else "\n".join(differing))
    say(f"{len(differing)} files differ from the approved policies" if differing else "nothing differs")
    return FINDING if differing else 0


def _write(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import exporting  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.cni import cni_data, cni_rows  # noqa: PLC0415 - late, as above

    done = exporting.export(given.review, given.output, run_options(given), prune=given.prune)
    data = {
        "written": done.files,
        "others": done.others,
        "cni": cni_data(done.cni),
        "would_break": [str(communication) for communication in done.would_break],
        "pruned": done.pruned,
        "kept": {one.name: one.why for one in done.kept},
    }
    show(json.dumps(data) if given.json else "\n".join(done.files))
    how = f"; apply them with `podfence apply {given.output}`" if done.files else ": nothing is approved yet"
    say(f"{len(done.policies)} policies written to {given.output}{how}")
    for name, text in cni_rows(done.cni):
        say(f"{name:<8} {text}".rstrip())
    say_breaking(done.would_break, say)
    if done.pruned:
        say(f"removed, as no longer approved: {', '.join(done.pruned)}")
    for one in done.kept:
        say(one_line(f"not removed: {one.name} ({one.why})", _LONGEST))
    if done.others:
        say(f"left as they were, and not in kustomization.yaml: {', '.join(done.others)}")
    return 0


def _diff(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import exporting  # noqa: PLC0415 - late: --help loads nothing heavy

    options = run_options(given)
    if given.diff == CLUSTER:
        where = CLUSTER
        found = exporting.diff_cluster(given.review, _in_force(given, say), options)
    else:
        folder = Path(given.diff) if given.diff else given.output
        where = str(folder)
        found = exporting.diff_folder(given.review, folder, options)
    show(json.dumps(diff_data(found), indent=2) if given.json else "\n".join(_diff_lines(found)))
    counts = {word: sum(change.kind == word for change in found.changes) for word in ("added", "removed", "changed")}
    told = ", ".join(f"{count} policies {word}" for word, count in counts.items())
    say(f"{where}: {told}" if found.differs else f"{where}: nothing differs")
    return FINDING if found.differs else 0


def _diff_lines(found: "ExportDiff") -> Iterator[str]:
    yield from found.text
    if found.text and found.changes:
        yield ""
    for change in found.changes:
        yield from change.lines


def diff_data(found: "ExportDiff") -> dict[str, Any]:
    """Return a difference as plain data, for `--json`."""
    policies = [{"policy": change.name, "change": change.kind, "details": change.details} for change in found.changes]
    return {"differs": found.differs, "policies": policies, "diff": "\n".join(found.text)}


def _in_force(given: argparse.Namespace, say: Say) -> "tuple[NetworkPolicy, ...]":
    """Return the cluster's policies: of an inventory, or of the API server of a context."""
    if given.inventory is not None and given.context is None and given.kubeconfig is None:
        policies, unread = _of_inventory(given)
    elif given.inventory is None and (given.context or given.kubeconfig):
        policies, unread = _of_server(given)
    else:
        raise UnreadableInput(f"--diff {CLUSTER}: name the cluster, either with --inventory INV or with --context NAME")
    for reason in unread:
        say(one_line(f"not compared, since it cannot be read: {reason}", _LONGEST))
    return policies


def _of_inventory(given: argparse.Namespace) -> "tuple[tuple[NetworkPolicy, ...], list[str]]":
    from recommender.existing import existing  # noqa: PLC0415 - late: --help loads nothing heavy

    found = existing(run_options(given).inventory(given.inventory))
    advice = "take the inventory again with the right to list them, or compare with --context"
    found.refuse_missing(given.inventory, advice)
    return found.in_force, [one.reason for one in found.unread]


def _of_server(given: argparse.Namespace) -> "tuple[tuple[NetworkPolicy, ...], list[str]]":
    from collectors.applier import connect_applier  # noqa: PLC0415 - late: it loads the network library
    from recommender.applying import read_live  # noqa: PLC0415 - late: --help loads nothing heavy

    with contextlib.closing(connect_applier(given.context, given.kubeconfig)) as applier:
        return read_live(applier.policies())
