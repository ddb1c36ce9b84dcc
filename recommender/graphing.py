"""Turns an observation store, an inventory and perhaps policies into a drawing: what `podfence graph` calls."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from collectors.errors import PodfenceError
from collectors.inventory import WorkloadRef
from collectors.store import opened
from recommender.drawings import Drawing, drawing_of
from recommender.pipeline import RunOptions
from recommender.simulate import simulate
from recommender.stages import spoken
from recommender.store import PoliciesLoaded, read_policies
from recommender.text import cut, some, visible


def graph(
    store: Path,
    inventory_path: Path | None,
    paths: Iterable[str | Path] = (),
    *,
    namespaces: Iterable[str] = (),
    workloads: Iterable[str] = (),
    options: RunOptions | None = None,
    say: Callable[[str], object] | None = None,
) -> Drawing:
    """Return what was observed as a drawing, judged under the policies in files and folders where any are named.

    Only what touches a namespace or a workload ("namespace/kind/name") that is named, where any is. `say` is told what
    was passed over or assumed of the policies. Raises UnreadableInput for bad files, PodfenceError for a namespace or
    workload of which nothing was observed.
    """
    listed = [*paths]
    loaded = read_policies(listed)
    if listed and say is not None:
        for note in _notes(loaded):
            say(note)
    observation = opened(store)
    inventory = (options or RunOptions()).known(inventory_path, observation)
    seen = spoken(observation, inventory)
    drawing = drawing_of(simulate(loaded.policies, seen, inventory) if listed else seen)
    return drawing.within(_known_namespaces(drawing, namespaces), _known_workloads(drawing, workloads))


def _notes(loaded: PoliciesLoaded) -> Iterator[str]:
    if not loaded.policies:
        yield "no NetworkPolicy in what was given: it is drawn as if everything were allowed"
    if loaded.skipped:
        yield f"skipped: {', '.join(f'{count} {cut(kind, 100)}' for kind, count in [*loaded.skipped.items()][:20])}"
    if loaded.assumed:
        yield f"{len(loaded.assumed)} policies name no namespace, so they are taken as of `default`"


def _known_namespaces(drawing: Drawing, wanted: Iterable[str]) -> frozenset[str]:
    known = {node.end.namespace for node in drawing.nodes if isinstance(node.end, WorkloadRef)}
    chosen = frozenset(wanted)
    for name in sorted(chosen - known):
        raise PodfenceError(_unknown("namespace", name, known))
    return chosen


def _known_workloads(drawing: Drawing, wanted: Iterable[str]) -> frozenset[WorkloadRef]:
    known = {str(node.end): node.end for node in drawing.nodes if isinstance(node.end, WorkloadRef)}
    chosen = frozenset(wanted)
    for name in sorted(chosen - known.keys()):
        raise PodfenceError(_unknown("workload", name, known))
    return frozenset(known[name] for name in chosen)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = some([cut(visible(one), 80) for one in sorted(known)], 8) or "none"
    form = " as namespace/kind/name" if what == "workload" else ""
    return f"{what} {cut(visible(name), 80)!r}: nothing observed has such an end; name one{form} of {names}"
