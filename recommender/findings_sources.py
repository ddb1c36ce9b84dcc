"""Turns what sources say of themselves into findings: what they lost or left out, and whether they name the pods."""

from collections.abc import Iterator

from collectors.flow_facts import FlowFacts
from collectors.inventory import Inventory
from collectors.observation import ObservationWindow
from recommender.coverage_inputs import Loss, losses
from recommender.findings_model import Finding, counted, name_of
from recommender.phrases import in_gaps, kept
from recommender.source_facts import PARTIAL


def lossy(window: ObservationWindow, facts: FlowFacts) -> Iterator[Finding]:
    """Yield one finding for each source that says that it lost or left out something, or that never tells it all."""
    told = dict[str, list[str]]()
    for loss in losses(window):
        told.setdefault(loss.source, []).append(_lost(loss))
    if window.drops > sum(source.drops for source in window.sources):
        told.setdefault("all sources", []).append(f"lost {counted(window.drops, 'packet or record', _MANY)}")
    for name, share in facts.sampled.items():
        told.setdefault(name, []).append(f"keeps {kept(share)}")
    for source in window.sources:
        if source.kind in PARTIAL:
            told.setdefault(source.name, []).append(PARTIAL[source.kind])
    for name, faults in told.items():
        said = " and ".join(sorted(set(faults)))
        sentence = f"The source {name_of(name)} {said}: that something was not seen there proves nothing."
        yield Finding.of("sampled_or_lossy", "attention", name or "unnamed source", sentence)


_MANY = "packets or records"


def _lost(loss: Loss) -> str:
    if loss.share is None or not loss.lost:
        number = f"{loss.lost:,} {_MANY} or more" if loss.lost else f"{_MANY} (it does not say how many)"
        return f"lost {number}{in_gaps(loss.during)}"
    return f"lost {counted(loss.lost, 'packet or record', _MANY)}{in_gaps(loss.during)}"


def from_records(inventory: Inventory) -> Iterator[Finding]:
    """Yield a finding where no cluster was asked who is who."""
    if not inventory.claimed:
        return
    pods, workloads = len(inventory.pods), len(inventory.workloads)
    bare = sum(not pod.labels for pod in inventory.pods)
    sentence = (
        f"No inventory was given: {counted(pods, 'pod')} of {counted(workloads, 'workload')} are what the flow logs "
        "call them. A Service's address stays unresolved, nodes and the host network are not known, and that a "
        "selector takes no others is proven only among the pods that were named. `podfence inventory snapshot` takes "
        "a better one."
    )
    if bare:
        sentence += f" Of {counted(bare, 'pod')} no labels are told, so that no policy can select them."
    yield Finding.of("identity_from_records", "attention", "inventory", sentence)
