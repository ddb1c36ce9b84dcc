"""Turns policies into exposure: what each workload, known or not yet born, could reach and be reached by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.inventory import Inventory, WorkloadRef
from recommender.policy import NetworkPolicy, PolicyType
from recommender.simulate.actors import SimulationOptions
from recommender.simulate.bits import bits
from recommender.simulate.crossing import Crossing
from recommender.simulate.end_words import EndSet
from recommender.simulate.ends import KINDS
from recommender.simulate.port_algebra import Spans, less
from recommender.simulate.ways import DIRECTIONS


@dataclass(frozen=True)
class Reachable:
    """Other ends with the ports at which both ends let a connection pass, and those where that cannot be known."""

    ends: EndSet
    ports: Spans
    undecidable: Spans


@dataclass(frozen=True)
class Reach:
    """One direction of a workload: Ingress: who could reach it, Egress: whom it could reach.

    `workload` None: any pod not yet born of `namespace`. `pods` are named where the workload's pods differ, else it is
    all of them. `isolated` None: its labels are not known. A host network workload is isolated by no policy.
    """

    workload: WorkloadRef | None
    namespace: str
    pods: tuple[str, ...]
    direction: PolicyType
    isolated: bool | None
    policies: tuple[str, ...]
    others: tuple[Reachable, ...]
    host_network: bool = False

    @property
    def subject(self) -> str:
        """Whose it is, in words."""
        if self.workload is None:
            return f"any pod not yet born of namespace {self.namespace}"
        return str(self.workload)


def reachable(
    policies: Iterable[NetworkPolicy],
    inventory: Inventory,
    options: SimulationOptions | None = None,
    only: WorkloadRef | None = None,
) -> tuple[Reach, ...]:
    """Return what could pass at every workload and every pod not yet born (or `only` at one), sorted by namespace.

    What could pass is what both ends let through. A pod's own node reaches it always, and is not listed.
    """
    crossing = Crossing((tuple(policies),), inventory, options)
    ends = crossing.ends
    found: list[Reach] = []
    for number in bits(ends.subjects | ends.kinds["host"]):
        refs = tuple(dict.fromkeys(ref for ref, _ in ends.all[number].members))
        if only is None or only in refs:
            for direction in DIRECTIONS:
                others = tuple(_others(crossing, number, direction))
                whose = (only,) if only is not None else refs or (None,)
                found += [_of_pods(crossing, number, direction, ref, others) for ref in whose]
    return tuple(
        sorted(found, key=lambda r: (r.namespace, r.workload is None, str(r.workload), r.pods, r.direction == "Egress"))
    )


def _others(crossing: Crossing, number: int, direction: PolicyType) -> Iterator[Reachable]:
    alike: defaultdict[tuple[Spans, Spans], int] = defaultdict(int)
    for crossed, mask in crossing.to_and_from(number, direction).items():
        (passing,) = crossed.passing
        if passing.maybe:
            alike[passing.yes, less(passing.maybe, passing.yes)] |= mask
    for kind in KINDS:
        for (ports, undecidable), mask in sorted(alike.items(), key=lambda item: tuple(map(sorted, item[0]))):
            if mask & crossing.ends.kinds[kind]:
                yield Reachable(EndSet(kind, mask & crossing.ends.kinds[kind], crossing.ends), ports, undecidable)


def _of_pods(
    crossing: Crossing, number: int, direction: PolicyType, ref: WorkloadRef | None, others: tuple[Reachable, ...]
) -> Reach:
    (book,), end = crossing.books, crossing.ends.all[number]
    partial = ref is not None and crossing.ends.by_ref[ref] != 1 << number
    return Reach(
        ref,
        end.namespace,
        tuple(sorted(pod for of, standin in end.members if of == ref for pod in standin.pods)) if partial else (),
        direction,
        book.isolated(direction, number),
        book.policies(direction, number),
        others,
        host_network=end.kind == "host",
    )
