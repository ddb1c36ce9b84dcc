"""Turns `podfence diff` and `podfence exposure` into calls of the simulator, and what it found into lines or JSON."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.errors import UnreadableInput, one_line
from recommender.cli_options import CLUSTER, FINDING, Say, add_command, add_inventory_path, run_options
from recommender.text import cut

if TYPE_CHECKING:
    from collectors.inventory import Inventory, WorkloadRef
    from recommender.policy import NetworkPolicy
    from recommender.simulate.difference import Change, Difference, IsolationChange, Unsure
    from recommender.simulate.reachable import Reach

_STDIN = "-"
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_ISOLATED = {True: "isolated", False: "open", None: "isolated or open, its labels are not known"}
_LONGEST = 400
"""Characters of what decides in a line: policies' names are other people's, and there may be many."""
_PARTS_OF_A_WORKLOAD = 3


def add_diff(commands: Any, show: Say, say: Say) -> None:
    """Add `diff` and `exposure`; `show` prints data, `say` talks."""
    where = f"a file or folder of YAML, {_STDIN} for stdin, or the word {CLUSTER}: the policies of the inventory"
    text = "what one set of policies lets through and another does not; exit 1 where they differ"
    diff = add_command(commands, "diff", lambda given: _diff(given, show, say), text)
    diff.add_argument("before", metavar="A", help=where)
    diff.add_argument("after", metavar="B", help="likewise")
    add_inventory_path(diff)
    text = "what each workload, known or not yet born, could reach and be reached by"
    exposure = add_command(commands, "exposure", lambda given: _exposure(given, show, say), text)
    exposure.add_argument("policies", nargs="+", metavar="POLICIES", help=where)
    add_inventory_path(exposure)
    exposure.add_argument("--workload", metavar="NS/KIND/NAME", help="only this one")


def _policies(
    places: Sequence[str], given: argparse.Namespace, inventory: "Inventory", say: Say
) -> "tuple[NetworkPolicy, ...]":
    from recommender.store import read_policies  # noqa: PLC0415 - late: --help loads nothing heavy

    in_force = _of_cluster(given.inventory, inventory, say) if CLUSTER in places else None
    loaded = read_policies(places, in_force=in_force)
    for kind, count in loaded.skipped.items():
        say(f"{count} of kind {one_line(kind)}: not read, only NetworkPolicies are")
    if loaded.assumed:
        say(f"{len(loaded.assumed)} policies name no namespace, so they are taken as of `default`")
    return loaded.policies


def _of_cluster(path: Path, inventory: "Inventory", say: Say) -> "tuple[NetworkPolicy, ...]":
    from recommender.existing import existing  # noqa: PLC0415 - late: --help loads nothing heavy

    found = existing(inventory)
    found.refuse_missing(path, "name files of policies, or take the inventory again with the right to list them")
    for unread in found.unread:
        say(f"counts nowhere, since it cannot be read: {one_line(unread.reason, _LONGEST)}")
    return found.in_force


def _diff(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender.simulate.difference import difference  # noqa: PLC0415 - late: --help loads nothing heavy

    if given.before == given.after == _STDIN:
        raise UnreadableInput("diff - -: stdin can be read once only; name a file or folder for one of the two")
    inventory = run_options(given).inventory(given.inventory)
    before, after = (_policies([place], given, inventory, say) for place in (given.before, given.after))
    found = difference(before, after, inventory)
    show(json.dumps(difference_data(found), indent=2) if given.json else "\n".join(difference_lines(found)))
    say(_summary(found, len(before), len(after)))
    return 0 if found.is_empty else FINDING


def _summary(found: "Difference", before: int, after: int) -> str:
    sizes = f"{before} policies before, {after} after"
    if found.is_empty:
        return f"{sizes}: no connection differs"
    counts = {
        "added": len(found.added),
        "removed": len(found.removed),
        "changed": len(found.changed),
        "undecidable": len(found.undecidable),
        "of isolation": len(found.isolation),
    }
    only = "; B allows all that A does" if found.only_adds else ""
    only += "; A allows all that B does" if found.only_removes else ""
    return f"{sizes}: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count) + only


def difference_lines(found: "Difference") -> Iterator[str]:
    """Yield a line for each entry: + added, - removed, ~ changed, ? undecidable; isolation as ~ first."""
    for turned in found.isolation:
        change = f"{_ISOLATED[turned.before]} -> {_ISOLATED[turned.after]}"
        yield f"~ {turned.direction.lower()} of {turned.ends.text}: {change}"
    for change_of in found.changes:
        why = cut("; ".join(change_of.rules_after), _LONGEST)
        if change_of.closed:
            why = f"was {cut('; '.join(change_of.rules_before), _LONGEST)}; now {why}"
        yield f"{_SIGNS[change_of.kind]} {_ends(change_of)} {_ports(change_of)} ({why})"
    for entry in found.undecidable:
        yield f"? {_ends(entry)} {entry.ports_text} ({entry.before} -> {entry.after})"


def _ends(entry: "Change | Unsure") -> str:
    return f"{entry.src.text} -> {entry.dst.text}"


def _ports(change: "Change") -> str:
    from recommender.simulate.port_algebra import words  # noqa: PLC0415 - late: --help loads nothing heavy

    if change.kind != "changed":
        return change.ports_text
    signed = [f"{sign}({words(ports)})" for sign, ports in (("+", change.opened), ("-", change.closed)) if ports]
    return f"{' '.join(signed)}, now {words(change.after)}"


def difference_data(found: "Difference") -> dict[str, Any]:
    """Return a difference as plain data, for `--json`; spans are [protocol, first, last]."""
    return {
        "equal": found.is_empty,
        "only_adds": found.only_adds,
        "only_removes": found.only_removes,
        "changes": [_change_data(change) for change in found.changes],
        "undecidable": [
            {"before": entry.before, "after": entry.after, **_pair_data(entry)} for entry in found.undecidable
        ],
        "isolation": [_isolation_data(turned) for turned in found.isolation],
    }


def _pair_data(entry: "Change | Unsure") -> dict[str, Any]:
    return {
        "src": {"text": entry.src.text, **entry.src.data()},
        "dst": {"text": entry.dst.text, **entry.dst.data()},
        "ports": sorted(entry.ports),
        "ports_text": entry.ports_text,
        "rules_before": list(entry.rules_before),
        "rules_after": list(entry.rules_after),
    }


def _change_data(change: "Change") -> dict[str, Any]:
    spans = {name: sorted(getattr(change, name)) for name in ("before", "after", "opened", "closed")}
    return {"change": change.kind, **_pair_data(change), **spans}


def _isolation_data(turned: "IsolationChange") -> dict[str, Any]:
    return {
        "direction": turned.direction,
        "before": turned.before,
        "after": turned.after,
        "ends": {"text": turned.ends.text, **turned.ends.data()},
    }


def _exposure(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender.simulate.reachable import reachable  # noqa: PLC0415 - late: --help loads nothing heavy

    inventory = run_options(given).inventory(given.inventory)
    only = None if given.workload is None else _workload(given.workload, given.inventory, inventory)
    policies = _policies(given.policies, given, inventory, say)
    found = reachable(policies, inventory, only=only)
    show(json.dumps(exposure_data(found), indent=2) if given.json else "\n".join(exposure_lines(found)))
    isolated = sum(bool(reach.isolated) for reach in found)
    say(f"{len(policies)} policies: {isolated} of {len(found)} directions are isolated")
    return 0


def _workload(text: str, path: Path, inventory: "Inventory") -> "WorkloadRef":
    from collectors.inventory import WorkloadRef  # noqa: PLC0415 - late: it loads pandas

    parts = text.split("/")
    if len(parts) != _PARTS_OF_A_WORKLOAD:
        raise UnreadableInput(f"--workload {one_line(text)}: is not NAMESPACE/KIND/NAME; write shop/Deployment/web")
    ref = WorkloadRef(*parts)
    if ref not in inventory.workloads and all(pod.workload != ref for pod in inventory.pods):
        raise UnreadableInput(f"--workload {one_line(text)}: is not in {path}; name one that `podfence exposure` lists")
    return ref


def exposure_lines(found: "Sequence[Reach]") -> Iterator[str]:
    """Yield a block for each workload: who could reach it, and whom it could reach."""
    from recommender.simulate.port_algebra import words  # noqa: PLC0415 - late: --help loads nothing heavy

    last = ""
    for reach in found:
        pods = f" (its pods {cut(', '.join(reach.pods), _LONGEST)})" if reach.pods else ""
        if (subject := f"{reach.subject}{pods}") != last:
            yield subject
        last = subject
        way = "could be reached by" if reach.direction == "Ingress" else "could reach"
        by = f" by {cut(', '.join(reach.policies), _LONGEST)}" if reach.policies else ""
        state = "host network: no policy selects it" if reach.host_network else f"{_ISOLATED[reach.isolated]}{by}"
        yield f"  {reach.direction.lower()} {state}; {way}{'' if reach.others else ' nobody'}"
        for other in reach.others:
            unsure = f" (undecidable: {words(other.undecidable)})" if other.undecidable else ""
            yield f"    {other.ends.text} {words(other.ports)}{unsure}"


def exposure_data(found: "Sequence[Reach]") -> list[dict[str, Any]]:
    """Return exposure as plain data, for `--json`; spans are [protocol, first, last]."""
    return [
        {
            "subject": reach.subject,
            "workload": None if reach.workload is None else str(reach.workload),
            "namespace": reach.namespace,
            "pods": list(reach.pods),
            "direction": reach.direction,
            "isolated": reach.isolated,
            "host_network": reach.host_network,
            "policies": list(reach.policies),
            "others": [
                {
                    "ends": {"text": other.ends.text, **other.ends.data()},
                    "ports": sorted(other.ports),
                    "undecidable": sorted(other.undecidable),
                }
                for other in reach.others
            ],
        }
        for reach in found
    ]
