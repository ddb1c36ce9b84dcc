"""Turns facts into the parts of the page on what became no rule, and on what stays open."""

from collections.abc import Mapping, Sequence

from collectors.inventory import WorkloadRef
from recommender.policy import PolicyType
from recommender.report.ceiling import more
from recommender.report.evidence import links
from recommender.report.fact import Fact
from recommender.report.facts import Facts
from recommender.report.markup import Html, join, tag
from recommender.report.tables import end_name, facts_table, table
from recommender.report.words import WITHHELD, plural


def withheld_part(facts: Facts) -> Html:
    """Return what was withheld, by reason; on a large page as links to the rows with the evidence."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts.all:
        if fact.withheld is not None:
            groups.setdefault(fact.withheld.why, []).append(fact)
    if not facts.all:
        return tag("p", "Nothing was observed, so nothing was left out.", class_="empty")
    others = [fact for fact in facts.homeless if fact.withheld is None]
    if not groups and not others:
        return tag("p", "Nothing: every communication that was observed can become a rule.", class_="empty")
    neither = "Neither end is a workload that is known, so no part above has them."
    return tag(
        "div",
        [_group(*WITHHELD.get(why, (why, "")), why, groups[why], facts) for why in sorted(groups)],
        _group("Between addresses", neither, None, others, facts) if others else None,
    )


def _group(name: str, meaning: str, why: str | None, found: Sequence[Fact], facts: Facts) -> Html:
    homeless, shown = {fact.anchor for fact in facts.homeless}, facts.here(found)
    here = [fact for fact in shown if fact.anchor in homeless]
    above = [fact for fact in shown if fact.anchor not in homeless]
    body = [
        facts_table(above, facts.ids, name) if above and not facts.brief else None,
        links(above, both=True) if above and facts.brief else None,
        facts_table(here, facts.ids, f"{name}: between addresses", anchored=True) if here else None,
        more(found, shown),
    ]
    return tag(
        "details",
        tag(
            "summary",
            tag("b", name),
            tag("code", why) if why else None,
            tag("span", plural(len(found), "communication"), class_="dim"),
        ),
        tag("p", meaning),
        body,
        class_="why",
    )


def open_part(facts: Facts) -> Html:
    """Return the workload directions that no policy of this run isolates, and what no policy can select."""
    conclusion = facts.conclusion
    if not conclusion.isolation:
        return tag("p", "No workload is known, so nothing can be said about open directions.", class_="empty")
    found: dict[WorkloadRef, list[PolicyType]] = {}
    for ref, direction in conclusion.open_directions:
        found.setdefault(ref, []).append(direction)
    return join([_open_directions(found, facts), _beyond_policy(facts)])


def _open_directions(found: Mapping[WorkloadRef, Sequence[PolicyType]], facts: Facts) -> Html:
    if not found:
        return tag("p", "Nothing: every workload that a policy can select is isolated both ways.", class_="empty")
    rows = [
        (end_name(ref, facts.ids), " and ".join(direction.lower() for direction in found[ref]))
        for ref in facts.workloads
        if ref in found
    ]
    existing = len(facts.conclusion.inventory.policies)
    note = f" {plural(existing, 'policy', 'policies')} already in the cluster may close some." if existing else ""
    meaning = (
        "No policy of this run isolates these workloads in these directions: anything may pass there, seen or not."
    )
    shown = facts.few(rows)
    return join([tag("p", meaning + note), table(("Workload", "Open"), shown, "Open directions"), more(rows, shown)])


def _beyond_policy(facts: Facts) -> Html | None:
    refs = facts.conclusion.beyond_policy
    if not refs:
        return None
    names = join([end_name(ref, facts.ids) for ref in facts.few(refs)], ", ")
    listed = tag("p", "On the host network, where no NetworkPolicy applies: ", names, ".")
    return join([listed, more(refs, facts.few(refs))])
