"""Turns communications, suggestions, outcomes and policies into small tables; what is left out is counted."""

from collections.abc import Iterable, Sequence

from recommender.communications import Communication, Evidence
from recommender.manifest import policy_to_yaml
from recommender.outcomes import Excess, Outcome
from recommender.policy import NetworkPolicy
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import end_name, excess_table, port, said, seen, span, table
from recommender.report.words import CAVEATS
from recommender.report.yaml_spans import highlighted
from recommender.review import Decision
from recommender.suggest import Suggestion, Withheld

ROWS = 20
"""Rows of a table in a notebook; its frame has them all."""
_LONGEST = 300
_RANK = {"denied": 0, "undecidable": 1, "allowed": 2}


def cut(text: str) -> str:
    """Return a text of bounded length: what a cluster or a capture says may be long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def communications_table(communications: Sequence[Communication]) -> Html:
    """Return who talked to whom, how often and when."""
    rows = [(*_who(c), seen(c.evidence), span(c.evidence), _hints(c.evidence)) for c in communications[:ROWS]]
    head = ("From", "To", "Port", "Connections", "First – last seen (UTC)", "Through, called")
    return _listed(head, rows, "communications", communications, "pf.communications_frame(...)", numbers=(3,))


def suggestions_table(items: Sequence[Suggestion], decided: dict[str, str], decisions: dict[str, Decision]) -> Html:
    """Return suggestions with what was decided of them; `decided` is by id, and so are `decisions`."""
    rows = [
        (
            tag("code", item.id),
            *_who(item.communication),
            seen(item.communication.evidence),
            caveats(item.caveats),
            _decided(decided.get(item.id, "undecided"), decisions.get(item.id)),
        )
        for item in items[:ROWS]
    ]
    head = ("Id", "From", "To", "Port", "Connections", "Caveats", "Decided")
    return _listed(head, rows, "suggestions", items, "pf.suggestions_frame(...)", numbers=(4,))


def withheld_table(withheld: Sequence[Withheld]) -> Html:
    """Return what no rule is suggested for, with why."""
    rows = [(*_who(w.communication), tag("code", w.why), said(cut(w.reason))) for w in withheld[:ROWS]]
    return _listed(
        ("From", "To", "Port", "Withheld", "Why"), rows, "communications", withheld, "pf.withheld_frame(...)"
    )


def outcomes_table(outcomes: Sequence[Outcome]) -> Html:
    """Return what policies do to communications, those that they stop first."""
    ordered = sorted(outcomes, key=lambda outcome: _RANK[outcome.verdict])
    rows = [
        (
            *_who(outcome.communication),
            seen(outcome.communication.evidence),
            tag("span", outcome.verdict, class_=f"badge {outcome.verdict}"),
            said(cut(_why(outcome))),
        )
        for outcome in ordered[:ROWS]
    ]
    head = ("From", "To", "Port", "Connections", "Verdict", "By rule, or why not")
    return _listed(head, rows, "outcomes", ordered, "pf.outcomes_frame(...)", numbers=(3,))


def surplus_table(excess: Sequence[Excess]) -> Html:
    """Return what is let through and was not accepted."""
    return join([excess_table(excess[:ROWS]), left_out(excess, "openings", "its own tuple")])


def decisions_table(decisions: Sequence[Decision]) -> Html:
    """Return decisions with who, when and why."""
    rows = [
        (
            tag("code", cut(d.id)),
            tag("bdi", cut(d.what)),
            _decided(_PAST[d.choice], d),
            cut(d.by),
            tag("span", cut(d.at), class_="time"),
        )
        for d in decisions[:ROWS]
    ]
    return _listed(("Id", "What", "Decided", "By", "When"), rows, "decisions", decisions, "its own tuple")


def policies_list(policies: Sequence[NetworkPolicy]) -> Html:
    """Return policies as YAML, folded away where there are several."""
    shown = [
        tag("details", tag("summary", tag("bdi", f"{p.namespace}/{p.name}")), _yaml(p), open=len(policies) == 1 or None)
        for p in policies[:ROWS]
    ]
    return join([*shown, left_out(policies, "policies", "pf.policies_frame(...)")])


def left_out(everything: Sequence[object], what: str, where: str) -> Html | None:
    """Return a sentence on what did not fit, None where everything did."""
    more = len(everything) - ROWS
    return tag("p", f"{more:,} more {what}: {where} has them all.", class_="dim") if more > 0 else None


def caveats(names: Iterable[str]) -> Html:
    """Return caveats, each with its meaning where a reader points at it."""
    return join([tag("span", name, title=CAVEATS.get(name)) for name in names], ", ")


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """Return counts by name in one line, without those that are 0."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts if count) or "none"


def _why(outcome: Outcome) -> str:
    """Return the rules that let something pass, else both ends in a sentence."""
    rules = (*outcome.egress.rules, *outcome.ingress.rules)
    return ", ".join(rules) if outcome.verdict == "allowed" and rules else outcome.reason


_PAST = {"accept": "accepted", "decline": "declined"}


def _who(communication: Communication) -> tuple[Html, Html, Html]:
    return end_name(communication.src, {}), end_name(communication.dst, {}), port(communication)


def _hints(evidence: Evidence) -> Html:
    return join([tag("bdi", cut(name)) for name in (*evidence.services[:3], *evidence.names[:3])], ", ")


def _decided(word: str, decision: Decision | None) -> Html:
    said_of: list[Child] = [tag("span", word, class_=f"badge {word}")]
    if decision is not None and decision.why:
        said_of.append(tag("div", cut(decision.why), class_="dim said"))
    if decision is not None and decision.widen:
        said_of.append(tag("div", f"widened to {cut(str(decision.widen))}", class_="dim said"))
    return join(said_of)


def _time(text: str) -> Html:
    return tag("span", cut(text), class_="time")


def _yaml(policy: NetworkPolicy) -> Html:
    return highlighted(policy_to_yaml(policy))


def _listed(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    what: str,
    everything: Sequence[object],
    where: str,
    numbers: Iterable[int] = (),
) -> Html:
    if not everything:
        return tag("p", f"No {what}.", class_="dim")
    return join([table(head, rows, what, numbers=numbers), left_out(everything, what, where)])
