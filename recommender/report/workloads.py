"""Turns facts into the part of the page that goes workload by workload: traffic, evidence, policy."""

from collections.abc import Sequence
from itertools import groupby

from collectors.inventory import WorkloadRef
from recommender.manifest import policy_to_yaml
from recommender.policy import EGRESS, INGRESS, NetworkPolicy
from recommender.report.facts import Fact, Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import end_name, evidence_table
from recommender.report.words import plural
from recommender.report.yaml_spans import highlighted


def workloads_part(facts: Facts) -> Html:
    """Return every known workload, folded, in a group for each namespace."""
    if not facts.workloads:
        return tag(
            "p",
            "No workload is known: the inventory holds no pods or controllers, so addresses cannot be given names. "
            "Take one with kubectl get -o json during the capture.",
            class_="empty",
        )
    groups = groupby(facts.workloads, key=lambda ref: ref.namespace)
    return tag("div", [_namespace(name, tuple(refs), facts) for name, refs in groups])


def _namespace(name: str, refs: Sequence[WorkloadRef], facts: Facts) -> Html:
    other = [policy for policy in facts.other_policies if policy.namespace == name]
    head = tag("summary", tag("h3", tag("bdi", name)), tag("span", plural(len(refs), "workload"), class_="dim"))
    return tag(
        "details",
        head,
        [_workload(ref, facts) for ref in refs],
        [_folded_policy(policy, "for the whole namespace") for policy in other],
        class_="namespace",
        open=True,
    )


def _workload(ref: WorkloadRef, facts: Facts) -> Html:
    ingress, egress = facts.ingress.get(ref, ()), facts.egress.get(ref, ())
    policy = facts.policies.get(ref)
    broken = sum(fact.state == "breaks" for fact in (*ingress, *egress))
    head = tag(
        "summary",
        tag("b", tag("bdi", ref.name)),
        tag("small", ref.kind),
        _isolation(ref, facts),
        tag("span", f"{len(ingress)} in, {len(egress)} out", class_="dim"),
        tag("span", plural(broken, "would break", "would break"), class_="badge breaks") if broken else None,
        None if policy is not None else tag("span", "no policy of its own", class_="dim"),
    )
    # The id stands inside the fold: following a link to it makes browsers open the fold.
    inside = tag(
        "div",
        _direction("Ingress: who calls it", ingress, "From", facts),
        _direction("Egress: whom it calls", egress, "To", facts),
        _policy(ref, policy, facts),
        id=facts.ids[ref],
        class_="inside",
    )
    return tag("details", head, inside, class_="workload")


def _isolation(ref: WorkloadRef, facts: Facts) -> Html | None:
    """Return a badge for each direction: closed by a policy of this run, or open."""
    if ref in facts.beyond_policy:
        return tag("span", "host network: no policy applies", class_="badge withheld")
    isolation = facts.conclusion.isolation
    if ref not in isolation:
        return None
    states = [(direction, "closed" if direction in isolation[ref] else "open") for direction in (INGRESS, EGRESS)]
    return join([tag("span", f"{name.lower()} {word}", class_=f"badge {word}") for name, word in states], " ")


def _direction(title: str, found: Sequence[Fact], side: str, facts: Facts) -> Html:
    decisions = facts.conclusion.reviewed.decisions
    body: Child = (
        evidence_table(found, side, facts.ids, decisions) if found else tag("p", "Nothing was seen.", class_="dim")
    )
    return tag("section", tag("h4", title), body)


def _policy(ref: WorkloadRef, policy: NetworkPolicy | None, facts: Facts) -> Html:
    if policy is None:
        return tag("p", _no_policy(ref, facts), class_="dim")
    members = facts.conclusion.reviewed.suggestions.subjects[ref].members
    if ref != members[0]:
        return tag("p", "Its policy is that of ", end_name(members[0], facts.ids), ": no selector tells the two apart.")
    return tag("section", tag("h4", "Policy ", tag("bdi", policy.name)), highlighted(policy_to_yaml(policy)))


def _no_policy(ref: WorkloadRef, facts: Facts) -> str:
    if ref in facts.beyond_policy:
        return "No policy: its pods use the host network, and NetworkPolicy does not apply to them."
    if ref in facts.conclusion.reviewed.suggestions.subjects:
        return "No policy: none of its communications was accepted."
    return "No policy: nothing that it does can become a rule."


def _folded_policy(policy: NetworkPolicy, what: str) -> Html:
    head = tag("summary", tag("b", tag("bdi", policy.name)), tag("span", f"policy {what}", class_="dim"))
    return tag("details", head, tag("div", highlighted(policy_to_yaml(policy)), class_="inside"), class_="workload")
