"""Turns sources of policies, an inventory and observations into what the policies would do, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from collectors.inventory import Inventory
from collectors.observation import Observation
from collectors.store import opened
from recommender.before_after import BeforeAfter, Change, applied, compare_outcomes
from recommender.existing import Unread, existing
from recommender.manifest_read import DEFAULT_NAMESPACE
from recommender.outcomes import Outcome
from recommender.pipeline import RunOptions, load_review
from recommender.policy import NetworkPolicy
from recommender.simulate import simulate as simulate_communications
from recommender.simulate.explaining import Explanation
from recommender.simulate.explaining import explain as explain_connection
from recommender.stages import spoken
from recommender.store import CLUSTER, PoliciesLoaded, read_policies
from recommender.uncollected import uncollected


@dataclass(frozen=True)
class PolicySets:
    """Policies before and after a change, with what is to be said of their sources.

    `given` are those of the sources. `replaced` are the cluster's ("namespace/name") that a given one of the same name
    takes the place of, `unread` those of the cluster that cannot be read, which count nowhere.
    """

    given: PoliciesLoaded
    before: tuple[NetworkPolicy, ...] = ()
    after: tuple[NetworkPolicy, ...] = ()
    replaced: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What a change of policies does to everything observed."""

    sets: PolicySets
    changes: BeforeAfter = field(default_factory=BeforeAfter)

    @property
    def policies(self) -> tuple[NetworkPolicy, ...]:
        """The policies that were given."""
        return self.sets.given.policies

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The verdicts after the change, in the order of the communications."""
        return tuple(change.after for change in self.changes.changes)

    @property
    def would_break(self) -> tuple[Change, ...]:
        """What worked when observed and the policies would deny, unless a review declined it."""
        return self.changes.of("would_break")


def policy_sets(
    paths: Iterable[str | Path],
    inventory: Inventory,
    where: Path,
    *,
    beside_existing: bool = False,
    namespace: str = DEFAULT_NAMESPACE,
) -> PolicySets:
    """Return the policies of sources, and with `beside_existing` those of the cluster before and after applying them.

    `where` names the inventory in a fault. Raises UnreadableInput where the cluster's policies are wanted and could
    not be listed.
    """
    listed = [str(path) for path in paths]
    if CLUSTER not in listed and not beside_existing:
        given = read_policies(listed, namespace)
        return PolicySets(given, after=given.policies)
    found = existing(inventory)
    found.refuse_missing(
        where, f"take the inventory again with the right to list them, or leave out `{CLUSTER}` and --existing"
    )
    in_force = found.in_force
    given = read_policies(listed, namespace, in_force)
    if not beside_existing:
        return PolicySets(given, after=given.policies, unread=found.unread)
    taken = {policy.key for policy in given.policies}
    changed = [policy for policy in in_force if policy.key in taken and policy not in given.policies]
    return PolicySets(
        given,
        before=in_force,
        after=applied(in_force, given.policies),
        replaced=tuple("/".join(policy.key) for policy in changed),
        unread=found.unread,
    )


def simulate(
    paths: Iterable[str | Path],
    inventory_path: Path | None,
    store: Path | None = None,
    options: RunOptions | None = None,
    *,
    beside_existing: bool = False,
    namespace: str = DEFAULT_NAMESPACE,
    review_folder: Path | None = None,
) -> Replay:
    """Return what becomes of everything in an observation store once policies are applied.

    Before: no policies, so that everything is allowed; with `beside_existing` the cluster's own, which stay in force
    unless a given one has their name. What a review declined does not count as broken.
    """
    observation = Observation() if store is None else opened(store)
    inventory = (options or RunOptions()).known(inventory_path, observation)
    where = inventory_path or store or Path()
    sets = policy_sets(paths, inventory, where, beside_existing=beside_existing, namespace=namespace)
    if store is None:
        return Replay(sets)
    with uncollected():
        seen = spoken(observation, inventory)
        reviewed = None if review_folder is None else load_review(review_folder)
        before = simulate_communications(sets.before, seen, inventory)
        after = simulate_communications(sets.after, seen, inventory)
        return Replay(sets, compare_outcomes(before, after, reviewed))


@dataclass(frozen=True)
class Explained:
    """Why a connection is allowed or denied, with what is to be said of the policies' sources."""

    sets: PolicySets
    explanation: Explanation


def explain(
    paths: Iterable[str | Path],
    connection: tuple[str, str, str],
    inventory_path: Path,
    options: RunOptions | None = None,
    *,
    beside_existing: bool = False,
    namespace: str = DEFAULT_NAMESPACE,
) -> Explained:
    """Return why policies allow or deny a connection: source, destination and "PORT[/PROTOCOL]" as texts.

    Ends are namespace/pod, namespace/Kind/name or an address; a Service's address stands for the pods behind it.
    """
    inventory = (options or RunOptions()).inventory(inventory_path)
    sets = policy_sets(paths, inventory, inventory_path, beside_existing=beside_existing, namespace=namespace)
    return Explained(sets, explain_connection(sets.after, inventory, *connection))
