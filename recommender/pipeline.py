"""Turns sources, inventories and review folders into their artefacts: a function for each command."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Unpack

from collectors.claimed import inventory_of
from collectors.errors import PodfenceError, UnreadableInput, one_line
from collectors.formats.mapping import Mapping, columns_mapping, document_mapping
from collectors.inventory import Inventory
from collectors.inventory_store import load_inventory
from collectors.ledger import LEFT_OUT, Ledger
from collectors.observation import Observation
from collectors.observing import observe_into
from collectors.ranges import collapsed, given_ranges
from collectors.sources import Reading, read_flows
from collectors.store import opened
from recommender.cni import CniWarning, cni_warnings, profile
from recommender.coverage import coverage
from recommender.existing import compare
from recommender.findings import findings
from recommender.generate import GenerateOptions, generate
from recommender.half_decided import refuse_half_decided
from recommender.manifest import from_yaml
from recommender.outputs import Layout
from recommender.policy import NetworkPolicy
from recommender.report.page import report_html
from recommender.review import Reviewed, accept_observed, review
from recommender.simulate import excess, isolation
from recommender.simulate import simulate as simulate_communications
from recommender.stages import suggested
from recommender.store import (
    REPORT,
    load_decisions,
    load_suggestions,
    replace_decisions,
    save_policies,
    save_suggestions,
    write_text,
)
from recommender.suggest import Suggestions
from recommender.summary import Conclusion
from recommender.uncollected import uncollected
from recommender.widen import widen
from recommender.widen_options import WidenOptions


@dataclass(frozen=True)
class RunOptions:
    """`accept_observed`: accept what nobody has decided on; `allow_incomplete`: export half-decided directions too.

    `split`: a policy for each direction; `per_namespace`: a file for each namespace. `pod_cidrs` and `service_cidrs`
    are ranges of the cluster, beside those that the inventory tells. `widen`: what acceptances may open beyond what
    was seen; `named_ports`: ports by name where all pods agree on it; `cni`: the profile to hold policies against.
    """

    accept_observed: bool = False
    default_deny: bool = False
    allow_incomplete: bool = False
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    split: bool = False
    per_namespace: bool = False
    widen: WidenOptions = field(default_factory=WidenOptions)
    named_ports: bool = False
    cni: str | None = None

    @property
    def generating(self) -> GenerateOptions:
        """What of this `generate` wants to know."""
        return GenerateOptions(self.default_deny, self.split, self.named_ports)

    @property
    def layout(self) -> Layout:
        """How files of an export are laid out."""
        return Layout(per_namespace=self.per_namespace)

    def inventory(self, path: str | Path) -> Inventory:
        """Return the inventory at a path, with these ranges."""
        return load_inventory(path, pod_cidrs=self.pod_cidrs, service_cidrs=self.service_cidrs)

    def known(self, path: str | Path | None, observation: Observation) -> Inventory:
        """Return the inventory at a path or, without one, what the records of an observation say of pods.

        Raises UnreadableInput where they name none.
        """
        if path is not None:
            return self.inventory(path)
        found = inventory_of(observation.claims)
        if not found.pods:
            kinds = ", ".join(sorted({source.kind for source in observation.window.sources})) or "nothing"
            raise UnreadableInput(
                f"no inventory is given, and what was read ({kinds}) names no pods: take one with "
                "`podfence inventory snapshot`, and name it with --inventory"
            )
        pods, services = given_ranges(self.pod_cidrs, "pod range"), given_ranges(self.service_cidrs, "Service range")
        return replace(found, pod_cidrs=collapsed(pods, ()), service_cidrs=collapsed(services, ()))


def mapping_of(text: str) -> Mapping:
    """Return what the columns of a generic log mean: `field=column,...`, or the path of a YAML file that says it."""
    path = Path(text)
    if "=" in text and not path.suffix:
        return columns_mapping(text)
    try:
        return document_mapping(from_yaml(path.read_text(encoding="utf-8"), text))
    except (OSError, UnicodeDecodeError) as fault:
        raise UnreadableInput(f"{one_line(text)} cannot be read ({one_line(fault)}): name a mapping file.") from fault


def suggest(
    store: str | Path, inventory_path: str | Path | None, folder: str | Path, options: RunOptions | None = None
) -> Conclusion:
    """Write suggestions and report into a review folder (decisions there are kept), and return the conclusion.

    Without an inventory, pods are who the records say (`RunOptions.known`).
    """
    options, observation = options or RunOptions(), opened(store)
    conclusion = conclude(observation, options.known(inventory_path, observation), folder, options)
    write_text(Path(folder) / REPORT, report_html(conclusion))
    return conclusion


def run(
    sources: Iterable[str],
    inventory_path: str | Path | None,
    folder: str | Path,
    options: RunOptions | None = None,
    **reading: Unpack[Reading],
) -> Conclusion:
    """Do the whole job: `observations`, `review`, `policies` and `report.html` under the folder.

    `reading` is what `collectors.read_flows` may be told; files of a folder that were left out are in the conclusion's
    ledger.
    Without an inventory, pods are who the records say (`RunOptions.known`).
    """
    options, folder = options or RunOptions(), Path(folder)
    inventory = None if inventory_path is None else options.inventory(inventory_path)
    events = observe_into(sources, folder / "observations", **reading).read.ledger.events
    observation = opened(folder / "observations")
    left_out = {key: entry for key, entry in events.items() if key[1] in LEFT_OUT}
    observation = replace(observation, ledger=observation.ledger + Ledger(events=left_out))
    inventory = options.known(None, observation) if inventory is None else inventory
    conclusion = conclude(observation, inventory, folder / "review", options)
    refuse_half_decided(
        conclusion.reviewed, allow_incomplete=options.allow_incomplete, default_deny=options.default_deny
    )
    save_policies(conclusion.policies, folder / "policies", options.layout)
    page = report_html(conclusion)
    for place in (folder / "review", folder):
        write_text(place / REPORT, page)
    return conclusion


def demo(folder: str | Path) -> Conclusion:
    """Do the whole job on the bundled samples, everything observed accepted and every namespace closed by default."""
    folder = Path(folder)
    samples = Path(str(resources.files("recommender.samples")))
    capture, store = str(samples / "shop.pcap"), folder / "observations"
    if store.exists():
        sample = read_flows([capture]).window.sources
        if not all(any(map(held.same, sample)) for held in opened(store).window.sources):
            raise PodfenceError(f"{store} holds other observations than the demo's; choose another folder with -o")
    options = RunOptions(accept_observed=True, default_deny=True)
    return run([capture], samples / "inventory", folder, options)


@uncollected()
def conclude(observation: Observation, inventory: Inventory, folder: str | Path, options: RunOptions) -> Conclusion:
    """Return what follows from an observation, an inventory and the decisions in a review folder.

    Writes the suggestions there, and the decisions where the options added some.
    """
    found = suggested(observation, inventory)
    communications = found.communications
    reviewed, not_widened = _decided(found.suggestions, inventory, folder, options)
    policies = generate(reviewed, options.generating)
    outcomes = simulate_communications(policies, communications, inventory)
    return Conclusion(
        observation,
        inventory,
        communications,
        reviewed,
        policies,
        outcomes=outcomes,
        excess=excess(policies, [item.communication for item in reviewed.accepted], inventory),
        isolation=isolation(policies, inventory),
        findings=findings(observation, inventory, communications, found.scans, facts=found.facts),
        coverage=coverage(communications, inventory, observation.window, found.sightings),
        existing=compare(policies, reviewed, inventory, outcomes),
        not_widened=not_widened,
        facts=found.facts,
        cni=unsupported(policies, reviewed, options, inventory),
    )


def unsupported(
    policies: Iterable[NetworkPolicy], reviewed: Reviewed, options: RunOptions, inventory: Inventory | None = None
) -> tuple[CniWarning, ...]:
    """Return what would not work with the CNI that the options name; more is known with an inventory."""
    if options.cni is None:
        return ()
    services = () if inventory is None else inventory.services
    selectors = {f"{service.namespace}/{service.name}": service.selector for service in services}
    return cni_warnings(policies, reviewed, profile(options.cni), None if inventory is None else selectors)


def _decided(
    suggestions: Suggestions, inventory: Inventory, folder: str | Path, options: RunOptions
) -> tuple[Reviewed, tuple[str, ...]]:
    """Return what the decisions of a review folder say, and what could not be widened.

    Writes the suggestions there, and the decisions where the options add some.
    """
    decisions = read = load_decisions(folder)
    if options.accept_observed:
        decisions = accept_observed(suggestions, decisions)
    reviewed = review(suggestions, decisions)
    refused: tuple[str, ...] = ()
    if options.widen:
        widened = widen(reviewed, inventory, options.widen)
        reviewed, refused = review(suggestions, widened.decisions), widened.refused
    if options.widen or options.accept_observed:
        replace_decisions(read, reviewed.decisions.values(), folder)
    save_suggestions(suggestions, folder)
    return reviewed, refused


def load_review(folder: str | Path) -> Reviewed:
    """Return a review folder's suggestions, sorted by its decisions."""
    return review(load_suggestions(folder), load_decisions(folder))
