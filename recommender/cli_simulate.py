"""Turns `podfence simulate` and `podfence explain` into calls of the functions of these names, and into words."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.cli_options import CLUSTER, FINDING, Say, add_command, add_inventory_path, place, run_options
from recommender.text import cut, some, visible

if TYPE_CHECKING:
    from recommender.replaying import PolicySets

_LONGEST = 100
_MOST_NAMED = 5
_DEFAULT = "default"


def add_simulate(commands: Any, show: Say, say: Say) -> None:
    """Add `simulate` and `explain`; `show` prints data, `say` talks."""
    text = "what policies would do to everything observed: before, after, and why"
    simulate = add_command(commands, "simulate", lambda given: _simulate(given, show, say), text)
    told = f"files or folders of YAML or JSON, - for stdin, or the word {CLUSTER}: those of the inventory"
    simulate.add_argument("policies", nargs="+", metavar="POLICIES", help=told)
    _add_surroundings(simulate, required=False)
    simulate.add_argument("--observations", type=place, required=True, metavar="OBS", help="store to replay")
    simulate.add_argument("--review", type=Path, metavar="REVIEW", help="review folder: what it declines is not broken")
    text = "why policies allow or deny one connection, rule by rule"
    explain = add_command(commands, "explain", lambda given: _explain(given, show, say), text)
    explain.add_argument("policies", metavar="POLICIES", help=told)
    for side in ("src", "dst"):
        named = "namespace/pod, namespace/Kind/name, or an address" + (" (also a Service's)" if side == "dst" else "")
        explain.add_argument(side, metavar=side.upper(), help=named)
    explain.add_argument("port", metavar="PORT[/PROTOCOL]", help="such as 443 or 53/UDP (default protocol: TCP)")
    _add_surroundings(explain, required=True)


def _add_surroundings(parser: argparse.ArgumentParser, *, required: bool) -> None:
    add_inventory_path(parser, required=required)
    parser.add_argument(
        "--existing", action="store_true", help="the inventory's own policies stay in force, unless one is replaced"
    )
    parser.add_argument(
        "--namespace", default=_DEFAULT, metavar="NS", help="of policies that name none (default: %(default)s)"
    )


def _simulate(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import replaying  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.before_after_words import before_after_data, before_after_lines  # noqa: PLC0415 - late, as above

    replay = replaying.simulate(
        given.policies,
        given.inventory,
        given.observations,
        run_options(given),
        beside_existing=given.existing,
        namespace=given.namespace,
        review_folder=given.review,
    )
    if given.json:
        data = {**_sets_data(replay.sets, existing=given.existing), **before_after_data(replay.changes)}
        show(json.dumps(data, indent=2))
    else:
        show("\n".join(map(visible, before_after_lines(replay.changes))))
    before = f"{len(replay.sets.before)} before, {len(replay.sets.after)} after" if given.existing else "none before"
    say(f"{len(replay.policies)} policies ({before}), {len(replay.outcomes)} communications")
    _say_sets(replay.sets, say)
    breaking = replay.would_break
    if breaking:
        say(f"{len(breaking)} communications that worked when observed would be denied")
    if undecided := sum(change.decided == "undecided" for change in breaking):
        say(f"{undecided} of them are undecided in {given.review}: decide them first")
    return FINDING if breaking else 0


def _explain(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import replaying  # noqa: PLC0415 - late: --help loads nothing heavy
    from recommender.explanation_words import explanation_data, explanation_lines  # noqa: PLC0415 - late, as above

    done = replaying.explain(
        [given.policies],
        (given.src, given.dst, given.port),
        given.inventory,
        run_options(given),
        beside_existing=given.existing,
        namespace=given.namespace,
    )
    found = done.explanation
    if given.json:
        data = {**_sets_data(done.sets, existing=given.existing), **explanation_data(found)}
        show(json.dumps(data, indent=2))
    else:
        show("\n".join(map(visible, explanation_lines(found))))
    _say_sets(done.sets, say)
    if found.verdict == "undecidable":
        say("undecidable: the inventory does not tell enough, see above what is not known")
    return 0 if found.verdict == "allowed" else FINDING


def _sets_data(sets: "PolicySets", *, existing: bool) -> dict[str, Any]:
    return {
        "policies": len(sets.given.policies),
        "existing": existing,
        "policies_before": len(sets.before),
        "policies_after": len(sets.after),
        "replaced": list(sets.replaced),
        "skipped": dict(sets.given.skipped),
        "namespace_assumed": list(sets.given.assumed),
        "unread": [{"name": one.name, "reason": one.reason} for one in sets.unread],
    }


def _say_sets(sets: "PolicySets", say: Say) -> None:
    for line in _notes(sets):
        say(line)


def _notes(sets: "PolicySets") -> Iterator[str]:
    """Yield what is to be said of the sources: what was passed over, and what was assumed."""
    given = sets.given
    if not given.policies:
        yield "no NetworkPolicy in what was given"
    if given.skipped:
        yield f"skipped: {some([f'{count} {cut(kind, _LONGEST)}' for kind, count in given.skipped.items()], 20)}"
    if given.assumed:
        assumed = some(given.assumed, _MOST_NAMED)
        yield f"no namespace in {assumed}: taken as kubectl would; give another with --namespace"
    if sets.replaced:
        yield f"replaced by those of the same name: {some(sets.replaced, _MOST_NAMED)}"
    if sets.unread:
        reasons = some([one.reason for one in sets.unread], _MOST_NAMED)
        yield f"policies of the cluster that cannot be read, and do not count: {reasons}"
