"""Turns decisions into their parts of the page: what they open beyond what was seen, and which hold no more."""

from collections.abc import Iterable

from recommender.communications import AddressPeer, Communication
from recommender.report.ceiling import more
from recommender.report.fact import Fact
from recommender.report.facts import LONGEST, Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import end_name, port, said, table
from recommender.report.words import plural
from recommender.review import Decision
from recommender.text import cut
from recommender.widening import Widening, size


def widened_part(facts: Facts) -> Html | None:
    """Return what decisions open beyond what was seen, and where an option could not; None where there is neither."""
    widened = [(fact, *found) for fact in facts.all if (found := _widening(fact, facts)) is not None]
    refused = facts.conclusion.not_widened
    if not widened and not refused:
        return None
    rows = [_widened(*found, facts) for found in widened if found[0].anchor in facts.listed]
    head = ("From", "To", "Port seen", "Widened to", "Opens beyond what was seen", "Decided")
    return join(
        [
            tag("p", "These decisions let more through than was observed, on purpose.") if widened else None,
            table(head, rows, "Widened decisions") if rows else None,
            more(widened, rows),
            tag("h3", "Not widened: the budget cannot be kept to") if refused else None,
            tag("ul", [tag("li", cut(sentence, LONGEST)) for sentence in facts.few(refused)]) if refused else None,
            more(refused, facts.few(refused)),
        ]
    )


def _widening(fact: Fact, facts: Facts) -> tuple[Decision, Widening] | None:
    decision = None if fact.suggestion is None else facts.conclusion.reviewed.decisions.get(fact.suggestion.id)
    if decision is None or not decision.widen or fact.decided != "accepted":
        return None
    return decision, decision.widen


def _widened(fact: Fact, decision: Decision, widening: Widening, facts: Facts) -> tuple[Child, ...]:
    spoken = fact.communication
    return (
        end_name(spoken.src, facts.ids),
        end_name(spoken.dst, facts.ids),
        tag("a", port(spoken), href=f"#{fact.anchor}"),
        said(cut(str(widening), LONGEST)),
        [said(text) for text in beyond(widening, spoken)],
        [said(_who(decision)), said(cut(", ".join(widening.options), LONGEST))],
    )


def beyond(widening: Widening, seen: Communication) -> tuple[str, ...]:
    """Return what a widening lets through beside what was seen, a phrase for each way in which it is wider."""
    found = []
    if widening.addresses is not None:
        ends = {end.address for end in (seen.src, seen.dst) if isinstance(end, AddressPeer)}
        found.append(f"{plural(size(widening.addresses) - len(ends), 'more address', 'more addresses')}")
    if widening.ports is not None:
        found.append(plural(widening.ports[1] - widening.ports[0], "more port"))
    others = [protocol for protocol in widening.protocols if protocol != seen.protocol]
    if others:
        found.append(f"{' and '.join(others)} as well")
    if widening.service_ports:
        found.append(f"{plural(len(widening.service_ports), 'Service port')} at the caller's egress")
    for name, end in (("source", seen.src), ("destination", seen.dst)):
        if getattr(widening, name) and not isinstance(end, AddressPeer):
            found.append(f"every other pod of namespace {end.namespace}, at the {name}'s end")
    return tuple(found)


def listed(decisions: Iterable[Decision], meaning: str) -> Html:
    """Return decisions as a table, under what they have in common."""
    rows = [
        (tag("code", cut(d.id, LONGEST)), d.choice, tag("bdi", cut(d.what, LONGEST)), said(_who(d)), said(_why(d)))
        for d in decisions
    ]
    return join([tag("p", meaning), table(("Suggestion", "Decision", "What", "By, when", "Why"), rows, "Decisions")])


def _who(decision: Decision) -> str:
    return ", ".join(cut(text, LONGEST) for text in (decision.by, decision.at) if text) or "not said"


def _why(decision: Decision) -> str:
    wider = f"widened to {cut(str(decision.widen), LONGEST)}" if decision.widen else ""
    return "; ".join(text for text in (cut(decision.why, LONGEST), wider) if text)
