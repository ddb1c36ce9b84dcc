"""Turns facts into the part of the page that goes workload by workload: traffic, evidence, policy."""

import hashlib
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from collectors.inventory import WorkloadRef
from recommender.policy import EGRESS, INGRESS, NetworkPolicy
from recommender.report.ceiling import more
from recommender.report.evidence import evidence_table, left_out_here, links, links_table
from recommender.report.fact import Fact
from recommender.report.facts import Facts
from recommender.report.markup import Html, join, tag
from recommender.report.tables import end_name
from recommender.report.words import plural
from recommender.report.yaml_spans import policy_yaml

_PLAIN: Final = re.compile(r"[a-z0-9-]{1,63}/[A-Za-z0-9]{1,63}/[a-z0-9.-]{1,253}")


def workloads_part(facts: Facts) -> Html:
    """Return every known workload, folded, in a group for each namespace."""
    if not facts.workloads:
        return tag(
            "p",
            "No workload is known: the inventory holds no pods or controllers, so addresses cannot be given names. "
            "Take one with kubectl get -o json during the capture.",
            class_="empty",
        )
    groups = [(name, tuple(refs)) for name, refs in groupby(facts.shown, key=lambda ref: ref.namespace)]
    index = [tag("a", name, href=f"#ns{number}") for number, (name, _) in enumerate(groups, 1)]
    how = "The evidence of a communication stands once, at the workload that is called; the caller links to it."
    return join(
        [
            tag("p", how),
            left_out_here(facts),
            tag("p", "Namespaces: ", join(index, " "), class_="index") if len(index) > 1 else None,
            [_namespace(number, name, refs, facts) for number, (name, refs) in enumerate(groups, 1)],
        ]
    )


def _namespace(number: int, name: str, refs: Sequence[WorkloadRef], facts: Facts) -> Html:
    other = [policy for policy in facts.other_policies if policy.namespace == name]
    number_of = plural(len(refs), "workload")
    counted = f"{number_of} of {facts.sizes[name]:,}" if facts.crowded else number_of
    head = tag("summary", tag("h3", tag("bdi", name)), tag("span", counted, class_="dim"))
    return tag(
        "details",
        head,
        # The id stands inside the fold: following a link to it makes browsers open the fold.
        tag(
            "div",
            [_workload(ref, facts) for ref in refs],
            [_folded_policy(policy, "for the whole namespace", facts) for policy in other],
            id=f"ns{number}",
        ),
        class_="namespace",
        open=not facts.brief,
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
    anchor = lasting_anchor(ref)
    inside = tag(
        "div",
        tag("p", "Link to this workload: ", tag("a", f"#{anchor}", href=f"#{anchor}"), id=anchor, class_="link"),
        _ingress(ingress, facts),
        _egress(egress, facts),
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


def lasting_anchor(ref: WorkloadRef) -> str:
    """Return an id for links from elsewhere, the same on every page: the name, or a digest where it is no plain one."""
    name = str(ref)
    return name if _PLAIN.fullmatch(name) else f"workload-{hashlib.sha256(repr(ref).encode()).hexdigest()[:12]}"


def _ingress(found: Sequence[Fact], facts: Facts) -> Html:
    here = facts.here(found)
    return tag(
        "section",
        tag("h4", "Ingress: who calls it"),
        evidence_table(here, "From", facts) if here else None,
        more(found, here) if found else _NOTHING,
    )


def _egress(found: Sequence[Fact], facts: Facts) -> Html:
    """Return whom it calls: workloads, which have the evidence themselves, then everything else with its evidence."""
    here = facts.here(found)
    inside = [fact for fact in here if isinstance(fact.communication.dst, WorkloadRef)]
    beyond = [fact for fact in here if not isinstance(fact.communication.dst, WorkloadRef)]
    return tag(
        "section",
        tag("h4", "Egress: whom it calls"),
        (links(inside) if facts.brief else links_table(inside, facts)) if inside else None,
        evidence_table(beyond, "To", facts) if beyond else None,
        more(found, here) if found else _NOTHING,
    )


_NOTHING: Final = tag("p", "Nothing was seen.", class_="dim")


def _policy(ref: WorkloadRef, policy: NetworkPolicy | None, facts: Facts) -> Html:
    if policy is None:
        return tag("p", _no_policy(ref, facts), class_="dim")
    members = facts.conclusion.reviewed.suggestions.subjects[ref].members
    if ref != members[0]:
        return tag("p", "Its policy is that of ", end_name(members[0], facts.ids), ": no selector tells the two apart.")
    inside = policy_yaml(policy) if facts.complete(ref) else _not_written(policy)
    return tag("section", tag("h4", "Policy ", tag("bdi", policy.name)), inside)


def _not_written(policy: NetworkPolicy) -> Html:
    """Return the size of a policy that a crowded page has no room for; where it stands is said at the page's top."""
    rules = plural(len(policy.ingress) + len(policy.egress), "rule")
    return tag("p", f"{rules}, which this page has no room for: see the file of this policy.", class_="dim")


def _no_policy(ref: WorkloadRef, facts: Facts) -> str:
    if ref in facts.beyond_policy:
        return "No policy: its pods use the host network, and NetworkPolicy does not apply to them."
    if ref in facts.conclusion.reviewed.suggestions.subjects:
        return "No policy: none of its communications was accepted."
    return "No policy: nothing that it does can become a rule."


def _folded_policy(policy: NetworkPolicy, what: str, facts: Facts) -> Html:
    head = tag("summary", tag("b", tag("bdi", policy.name)), tag("span", f"policy {what}", class_="dim"))
    inside = _not_written(policy) if facts.crowded and (policy.ingress or policy.egress) else policy_yaml(policy)
    return tag("details", head, tag("div", inside, class_="inside"), class_="workload")
