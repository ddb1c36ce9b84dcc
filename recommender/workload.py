"""Turns a workload into the label selector that takes exactly its pods, with the proof, or says that none does."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from collectors.inventory import Inventory, Pod, WorkloadRef
from recommender.label_index import LabelIndex, Labels, selects
from recommender.named_ports import NamedPort, named_ports
from recommender.policy import LabelSelector, Requirement

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server puts on every namespace."""

# Labels that controllers, chart tools and the API server put on pods and that differ between pods, rollouts or
# releases. Labels found to vary inside one workload are left out as well; this list covers what one look cannot show.
VOLATILE_LABELS = frozenset(
    {
        "app.kubernetes.io/version", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/job-name", "build", "chart",
        "commit", "controller-revision-hash", "controller-uid", "git-sha", "helm.sh/chart", "job-name",
        "kubernetes.io/hostname", "pod-template-generation", "pod-template-hash", "revision",
        "rollouts-pod-template-hash", "statefulset.kubernetes.io/pod-name", "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone", "version",
    }
)  # fmt: skip

# Two or three labels together are tried of so many; more would be a pod with very many labels, made to keep us busy.
_TRIED_TOGETHER = 16

# So many members a sentence names.
_NAMED = 5


@dataclass(frozen=True)
class Subject:
    """What a podSelector can name: one workload, or several that no selector tells apart.

    `selector` is None where no stable selector exists, and `reason` says why; `members` are sorted. `named_ports` are
    the ports that each of its pods declares by the same name: protocol, number, name.
    """

    members: tuple[WorkloadRef, ...]
    selector: LabelSelector | None
    reason: str = ""
    named_ports: tuple[NamedPort, ...] = ()

    @property
    def first(self) -> WorkloadRef:
        """The member that names the subject."""
        return self.members[0]

    @property
    def port_names(self) -> dict[tuple[str, int], str]:
        """The name of each port that has one, by protocol and number."""
        return {(protocol, number): name for protocol, number, name in self.named_ports}

    @property
    def namespace(self) -> str:
        """The namespace that all members share."""
        return self.first.namespace

    @cached_property
    def namespace_selector(self) -> LabelSelector:
        """What takes exactly its namespace; one object, because a million peers name some thousand subjects."""
        return LabelSelector(((NAMESPACE_LABEL, self.namespace),))


def subjects(inventory: Inventory) -> dict[WorkloadRef, Subject]:
    """Return the subject of every workload that has pods a policy can select.

    The proof: evaluated against every pod and every pod template of the namespace, the selector takes all of the
    subject's pods, its members' templates (so it still does after a rollout or a scale-up), and nothing else.
    Workloads whose pods all use the host network are left out: no policy applies to them.
    """
    pods: dict[WorkloadRef, list[Pod]] = {}
    for pod in inventory.pods:
        pods.setdefault(pod.workload, []).append(pod)
    by_namespace: dict[str, dict[WorkloadRef, list[Labels]]] = {}
    for ref, label_sets in _label_sets(inventory, pods).items():
        by_namespace.setdefault(ref.namespace, {})[ref] = label_sets
    found: dict[WorkloadRef, Subject] = {}
    for workloads in by_namespace.values():
        found.update(_subjects_of_namespace(workloads, inventory))
    named: dict[Subject, Subject] = {}
    for subject in found.values():
        if subject not in named:
            own = [pod for ref in subject.members for pod in pods.get(ref, ())]
            named[subject] = replace(subject, named_ports=named_ports(own))
    return {ref: named[subject] for ref, subject in sorted(found.items())}


def _label_sets(inventory: Inventory, pods: Mapping[WorkloadRef, list[Pod]]) -> dict[WorkloadRef, list[Labels]]:
    """Return for each selectable workload the label sets that its pods have or will have."""
    sets: dict[WorkloadRef, list[Labels]] = {}
    for ref in pods.keys() | inventory.workloads.keys():
        own = pods.get(ref, [])
        if own and all(pod.host_network for pod in own):
            continue
        unique = {tuple(sorted(pod.labels.items())): pod.labels for pod in own if not pod.host_network}
        template = inventory.workloads[ref].template_labels if ref in inventory.workloads else {}
        if template:
            unique[tuple(sorted(template.items()))] = template
        if unique:
            sets[ref] = [unique[key] for key in sorted(unique)]
    return sets


def _subjects_of_namespace(
    workloads: Mapping[WorkloadRef, list[Labels]], inventory: Inventory
) -> dict[WorkloadRef, Subject]:
    index = LabelIndex(workloads)
    chosen = {ref: _best_selector(ref, workloads[ref], index, inventory) for ref in sorted(workloads)}
    found: dict[WorkloadRef, Subject] = {}
    groups = _groups({ref: index.caught(selector) for ref, selector in chosen.items() if selector is not None})
    for ref, selector in chosen.items():
        if selector is None and ref not in groups:
            found[ref] = Subject((ref,), None, "none of its labels stays the same from one rollout to the next")
    for members in set(groups.values()):
        selectors = dict.fromkeys(selector for ref in members if (selector := chosen[ref]) is not None)
        found.update(dict.fromkeys(members, _subject(members, selectors, workloads, index)))
    return found


def _subject(
    members: tuple[WorkloadRef, ...],
    candidates: Iterable[LabelSelector],
    workloads: Mapping[WorkloadRef, list[Labels]],
    index: LabelIndex,
) -> Subject:
    """Return the subject of workloads that selectors take together: one selector must take all members and no more."""
    together = frozenset(members)
    for selector in candidates:
        if index.caught(selector) != together:
            continue
        if all(selects(selector, labels) for ref in members for labels in workloads[ref]):
            reason = "" if len(members) == 1 else "no selector tells these workloads apart"
            return Subject(members, selector, reason)
    names = ", ".join(map(str, members[:_NAMED]))
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    return Subject(members, None, f"no single selector takes exactly the pods of {names}{more}")


def _best_selector(
    ref: WorkloadRef, label_sets: list[Labels], index: LabelIndex, inventory: Inventory
) -> LabelSelector | None:
    """Return the narrowest stable selector of a workload; None where it has none.

    The controller's own selector comes first; where it takes other workloads' pods too, the fewest stable labels
    that mend it are added. A selector made of volatile labels alone would take nothing after the next release.
    """
    stable = _stable_labels(label_sets)
    base = _own_selector(ref, inventory)
    fixed = base.match_labels if base else ()
    extras = sorted((item for item in stable.items() if item not in fixed), key=_preference)
    best, fewest = None, 0
    for added in _additions(extras, 0 if base else 1, index):
        selector = LabelSelector(tuple(sorted((*fixed, *added))), base.match_expressions if base else ())
        caught = index.caught(selector)
        if caught == {ref}:
            return selector
        if best is None or len(caught) < fewest:
            best, fewest = selector, len(caught)
    return best


def _additions(extras: list[tuple[str, str]], fewest: int, index: LabelIndex) -> Iterator[tuple[tuple[str, str], ...]]:
    """Yield the labels to try together, fewest first; of very many, only the rarest are tried with others."""
    rarest = extras
    if len(extras) > _TRIED_TOGETHER:
        rare = sorted(extras, key=lambda label: (len(index.caught(LabelSelector((label,)))), _preference(label)))
        rarest = sorted(rare[:_TRIED_TOGETHER], key=_preference)
    for count in range(fewest, min(len(extras), fewest + 2) + 1):
        yield from combinations(extras if count <= 1 else rarest, count)


def _stable_labels(label_sets: list[Labels]) -> dict[str, str]:
    """Return the labels that all of a workload's pods and its template share, without those known to be volatile."""
    shared = set(label_sets[0].items()).intersection(*(labels.items() for labels in label_sets[1:]))
    return {key: value for key, value in sorted(shared) if key not in VOLATILE_LABELS}


def _own_selector(ref: WorkloadRef, inventory: Inventory) -> LabelSelector | None:
    workload = inventory.workloads.get(ref)
    if workload is None or not workload.selector:
        return None
    labels = tuple(sorted((str(k), str(v)) for k, v in (workload.selector.get("matchLabels") or {}).items()))
    expressions = tuple(
        sorted(
            Requirement(str(e["key"]), str(e["operator"]), tuple(sorted(map(str, e.get("values") or []))))
            for e in workload.selector.get("matchExpressions") or []
        )
    )
    keys = {key for key, _ in labels} | {requirement.key for requirement in expressions}
    return LabelSelector(labels, expressions) if keys - VOLATILE_LABELS else None


def _preference(item: tuple[str, str]) -> tuple[int, str]:
    """Order candidate labels: the recommended ones, then what people write by hand, then the rest."""
    names = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app", "k8s-app", "component", "role", "track")
    return (names.index(item[0]) if item[0] in names else len(names), item[0])


def _groups(caught: Mapping[WorkloadRef, frozenset[WorkloadRef]]) -> dict[WorkloadRef, tuple[WorkloadRef, ...]]:
    """Return each workload's group: those that are joined, directly or in steps, by one taking the other's pods."""
    chiefs: dict[WorkloadRef, WorkloadRef] = {}

    def chief(ref: WorkloadRef) -> WorkloadRef:
        chain = []
        while chiefs.setdefault(ref, ref) != ref:
            chain.append(ref)
            ref = chiefs[ref]
        chiefs.update(dict.fromkeys(chain, ref))
        return ref

    known: dict[frozenset[WorkloadRef], WorkloadRef] = {}
    for ref, others in caught.items():
        # Thousands of workloads may be taken by one selector: what it takes is joined once.
        if others not in known:
            for other in others:
                chiefs[chief(other)] = chief(ref)
        chiefs[chief(ref)] = chief(known.setdefault(others, ref) if others else ref)
    groups: dict[WorkloadRef, list[WorkloadRef]] = {}
    for ref in sorted(chiefs):
        groups.setdefault(chief(ref), []).append(ref)
    return {ref: members for group in groups.values() for members in [tuple(group)] for ref in group}
