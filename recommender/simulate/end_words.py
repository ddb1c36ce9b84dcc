"""Turns a set of classes of ends into words, few where it is all or most of a namespace, and into plain data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from recommender.simulate.addresses import AddressSet, of_intervals
from recommender.simulate.bits import bits
from recommender.simulate.ends import EndKind, Ends
from recommender.text import cut, some

_SHOWN = 6
"""Names or CIDRs in a text before it says how many more there are."""
_LONGEST = 200
"""Characters of a name in a text: names are other people's."""
_FEW = 32
"""Classes of which the workloads are counted to choose words; with more, it would take longer than it is worth."""
_EVERY: dict[EndKind, str] = {
    "workload": "every workload",
    "host": "every host network workload",
    "unborn": "any pod not yet born",
    "node": "every node",
    "ambiguous": "every address that several pods have",
    "cluster": "every other address of the cluster",
    "outside": "every address outside",
}
_SOME: dict[EndKind, str] = {
    "workload": "",
    "host": "host network ",
    "unborn": "any pod not yet born ",
    "node": "node ",
    "ambiguous": "address of several pods ",
    "cluster": "",
    "outside": "",
}


@dataclass(frozen=True)
class EndSet:
    """Ends of one kind, told as whole namespaces, names and exceptions, or as exact CIDRs.

    An address that a known pod or node has is that pod or node, whatever range of `addresses` it lies in.
    """

    kind: EndKind
    mask: int
    ends: Ends = field(compare=False, repr=False)

    @property
    def count(self) -> int:
        """How many workloads, namespaces, nodes or addresses it has."""
        if self.kind in {"cluster", "outside", "ambiguous"}:
            return self.addresses.size
        if self.kind == "unborn":
            return self.mask.bit_count()
        if self.kind == "node":
            return len(self._names(self.mask))
        return sum(len(self._names(part)) for _, part, _ in self._by_namespace())

    @cached_property
    def addresses(self) -> AddressSet:
        """All addresses of it, of nodes and of none known; pods' are not told."""
        return of_intervals(part for number in bits(self.mask) for part in self.ends.all[number].addresses.intervals)

    @property
    def pods(self) -> tuple[str, ...]:
        """All its known pods, as "namespace/pod", sorted; many."""
        return tuple(sorted({pod for number in bits(self.mask) for pod in self.ends.all[number].pods}))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All namespaces that it has ends of, sorted."""
        return tuple(namespace for namespace, _, _ in self._by_namespace())

    def data(self) -> dict[str, Any]:
        """Return it as plain data: `every` namespaces whole, `names` or `cidrs`, `except` for what they do not hold."""
        if self.kind in {"cluster", "outside"}:
            return {"kind": self.kind, "cidrs": list(self.addresses.cidrs())}
        every, names, excepts = self._told()
        found: dict[str, Any] = {"kind": self.kind, "count": self.count, "every": every, "names": names}
        return {**found, "except": excepts}

    @cached_property
    def text(self) -> str:
        """It in words, of bounded length."""
        if self.kind in {"cluster", "outside"}:
            return self._addresses_text()
        every, names, excepts = self._told()
        but = f" but {_listed(excepts)}" if excepts else ""
        if self.kind == "unborn":
            return _EVERY[self.kind] + ("" if every == ["*"] else f" of namespace {_listed(every)}")
        if every == ["*"]:
            return _EVERY[self.kind] + but
        parts = [f"{_EVERY[self.kind]} of namespace {_listed(every)}{but}"] if every else []
        # names first: what comes after "but" is left out
        return "; ".join([*([_SOME[self.kind] + _listed(names)] if names else []), *parts])

    def _addresses_text(self) -> str:
        if not self.ends.kinds[self.kind] & ~self.mask:
            return _EVERY[self.kind]
        plain = list(self.addresses.cidrs())
        whole, gaps = self.addresses.with_excepts()
        if len(whole) + len(gaps) < len(plain):
            return f"{_listed(list(whole))} but {_listed(list(gaps))}"
        return _listed(plain)

    def _by_namespace(self) -> Iterator[tuple[str, int, int]]:
        """Yield namespaces with those of them in the set, and all that there are."""
        for (kind, namespace), whole in sorted(self.ends.by_place.items()):
            if kind == self.kind and whole & self.mask:
                yield namespace, whole & self.mask, whole

    def _told(self) -> tuple[list[str], list[str], list[str]]:
        """Return namespaces told as a whole ("*": all there are), names, and names that are left out of the former."""
        if self.kind in {"node", "ambiguous"}:
            everyone = self.mask == self.ends.kinds[self.kind]
            return (["*"] if everyone else []), ([] if everyone else self._names(self.mask)), []
        every, names, excepts = [], [], []
        if self.mask == self.ends.kinds[self.kind] and len(self.namespaces) > 1:
            return ["*"], [], []
        for namespace, part, whole in self._by_namespace():
            # one of its workloads alone is named, all or most of them are told as their namespace
            size = self._size(part)
            if part == whole and (self.kind == "unborn" or size > 1):
                every.append(namespace)
            elif size > 2 and size * 2 > self._size(whole):
                every.append(namespace)
                excepts += self._names(whole & ~part)
            else:
                names += self._names(part)
        if len(every) > 1 and len(every) == sum(kind == self.kind for kind, _ in self.ends.by_place):
            every = ["*"]  # most of each, told with what is left out
        return every, names, excepts

    def _size(self, mask: int) -> int:
        """Return about how many workloads there are: of many classes, that many."""
        classes = mask.bit_count()
        return classes if classes > _FEW else sum(len(self.ends.all[number].members) for number in bits(mask))

    def _names(self, mask: int) -> list[str]:
        """Name workloads, with the pods where only some are meant, or what else there is; sorted."""
        found: dict[str, set[str]] = {}
        partial: set[str] = set()
        names: set[str] = set()
        for number in bits(mask):
            end = self.ends.all[number]
            names.update(end.names)
            for ref, standin in end.members:
                found.setdefault(str(ref), set()).update(standin.pods)
                if self.ends.by_ref[ref] & ~mask:
                    partial.add(str(ref))
        for name, pods in found.items():
            which = f" (its pods {_listed([pod.partition('/')[2] for pod in sorted(pods)])})" if name in partial else ""
            names.add(name + which)
        return sorted(names)


def _listed(names: list[str]) -> str:
    return some([cut(name, _LONGEST) for name in names], _SHOWN)
