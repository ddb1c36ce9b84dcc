"""Turns a conclusion into the whole page: the verdict first, then what it rests on, then every detail."""

from collections.abc import Iterable, Mapping, Sequence

from collectors.inventory import WorkloadRef
from recommender.outcomes import Outcome
from recommender.policy import PolicyType
from recommender.report.cni import cni_part
from recommender.report.coverage import coverage_part
from recommender.report.existing import existing_part
from recommender.report.facts import Fact, Facts
from recommender.report.findings import findings_part
from recommender.report.graph import MOST_WORKLOADS, Graph, graph_of
from recommender.report.inputs import inputs_part
from recommender.report.markup import Child, Html, join, plain, tag
from recommender.report.matrix import matrix
from recommender.report.picture import hover_rules, picture
from recommender.report.style import STYLE
from recommender.report.tables import (
    end_name,
    excess_table,
    facts_table,
    port,
    said,
    table,
    time,
)
from recommender.report.verdict import verdict_part
from recommender.report.words import CAVEATS, WITHHELD, plural
from recommender.report.workloads import workloads_part
from recommender.review import Decision
from recommender.summary import Conclusion, summary_data

MOST_LINES = 400
"""More than this no picture shows so that anyone could read it."""

# No script and no request: what a capture smuggled in could do nothing even if it were not escaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def report_html(conclusion: Conclusion, title: str = "podfence report") -> str:
    """Return one self-contained HTML page; the same conclusion gives the same bytes.

    Everything that came from traffic or the cluster is there as text only, unseen characters written out.
    """
    facts = Facts(conclusion)
    graph = graph_of(facts.all)
    drawn = graph.workloads <= MOST_WORKLOADS and len(graph.lines) <= MOST_LINES
    style = Html(STYLE + (hover_rules(len(graph.nodes)) if drawn else ""))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=Html(POLICY)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", plain(title)),
        tag("style", style),
    )
    parts = _parts(facts, graph, drawn=drawn)
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("p", _subtitle(conclusion), class_="dim"), _contents(parts)),
        tag("main", verdict_part(facts), [_part(*part) for part in parts]),
        tag("footer", tag("p", "Written by podfence. This page needs no network and runs no script.")),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en', dir='ltr')}\n"


Part = tuple[str, str, Child]
"""Id, heading, content."""


def _parts(facts: Facts, graph: Graph, *, drawn: bool) -> list[Part]:
    """Return the parts in the order of a reader in a hurry; lists of faults only where there are any."""
    conclusion = facts.conclusion
    parts: list[Part] = [*_faults(facts)]
    if conclusion.findings:
        parts.append(("findings", "What to look at", findings_part(conclusion.findings, conclusion.communications)))
    if conclusion.cni:
        parts.append(("cni", "What would not work on this cluster", cni_part(conclusion.cni)))
    parts.append(("inputs", "What was read", inputs_part(facts)))
    if conclusion.coverage is not None:
        parts.append(("coverage", "Learnt for long enough?", coverage_part(conclusion.coverage, facts.ids)))
    parts.append(("picture", "Who talks to whom", _picture(facts, graph, drawn=drawn)))
    parts.append(("workloads", "Workload by workload", join([_caveats(facts), workloads_part(facts)])))
    parts.append(("withheld", "What was left out, and why", _withheld(facts)))
    parts.append(("open", "What stays open", _open(facts)))
    beside = existing_part(conclusion.existing, facts.ids)
    if beside is not None:
        parts.append(("existing", "Policies that the cluster has already", beside))
    if conclusion.reviewed.stale:
        said = "What each was about is another thing now, or more than it was: it is undecided again."
        parts.append(("stale", "Decisions that no longer hold", _listed(conclusion.reviewed.stale, said)))
    if conclusion.reviewed.orphans:
        gone = "They are kept and never exported: what they speak of was not observed this time."
        parts.append(
            ("orphans", "Decisions on what is no longer suggested", _listed(conclusion.reviewed.orphans, gone))
        )
    return parts


def _part(name: str, heading: str, content: Child) -> Html:
    return tag("section", tag("h2", heading), content, id=name)


def _contents(parts: Iterable[Part]) -> Html:
    return tag("nav", [tag("a", heading, href=f"#{name}") for name, heading, _ in parts], aria_label="Contents")


def _subtitle(conclusion: Conclusion) -> str:
    window = conclusion.observation.window
    data = summary_data(conclusion)
    if window.start is None or window.end is None:
        return f"{plural(len(window.sources), 'input')}, no time observed"
    seconds = (window.end - window.start).total_seconds()
    return (
        f"{time(window.start)} to {time(window.end)} UTC ({_duration(seconds)}) · "
        f"{plural(data['packets'], 'packet')} · {plural(data['flows'], 'flow')} · "
        f"{plural(data['communications'], 'communication')}"
    )


def _duration(seconds: float) -> str:
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return plural(round(seconds / length), name)
    return plural(round(seconds), "second")


def _faults(facts: Facts) -> Iterable[Part]:
    """Return what the numbers of the headline count, one after the other, where there is any."""
    conclusion = facts.conclusion
    lists: tuple[tuple[str, str, Sequence[Outcome]], ...] = (
        ("would-break", "Accepted, but would break", conclusion.would_break),
        ("undecided-denied", "Undecided, and would be cut", conclusion.undecided_denied),
        ("withheld-denied", "Worked, but no rule is possible", conclusion.withheld_denied),
        ("declined-open", "Declined, still open", conclusion.declined_open),
    )
    for name, heading, outcomes in lists:
        if name == "undecided-denied" and conclusion.excess:
            yield "excess", "Excess: let through, but not accepted", excess_table(conclusion.excess)
        if outcomes:
            rows = [(*_ends(o, facts), port(o.communication), o.verdict, said(o.reason)) for o in outcomes]
            yield name, heading, table(("From", "To", "Port", "Policies say", "Because"), rows, heading)


def _ends(outcome: Outcome, facts: Facts) -> tuple[Html, Html]:
    return end_name(outcome.communication.src, facts.ids), end_name(outcome.communication.dst, facts.ids)


def _picture(facts: Facts, graph: Graph, *, drawn: bool) -> Html:
    if not facts.all:
        return tag("p", "No communication was observed: there is nothing to draw.", class_="empty")
    quiet = [ref for ref in facts.workloads if ref not in facts.ingress and ref not in facts.egress]
    if drawn:
        body = picture(graph, facts.ids)
        said = (
            f"All {plural(len(facts.all), 'communication')} are drawn, as {plural(len(graph.lines), 'line')}: those "
            "between the same two ends share one. Callers stand left of those they call. Point at a box to see its "
            "lines alone; the boxes in the legend hide kinds of lines."
        )
    else:
        body = matrix(facts.all)
        said = (
            f"{plural(graph.workloads, 'workload')} and {plural(len(graph.lines), 'line')} are too many for a readable "
            f"picture, so none is drawn: the matrix counts all {plural(len(facts.all), 'communication')}."
        )
    left_out = (
        tag(
            "p",
            f"Without any traffic, and so not drawn: {plural(len(quiet), 'workload')}. ",
            join([end_name(ref, facts.ids) for ref in quiet], ", "),
        )
        if quiet
        else None
    )
    everything = tag(
        "details",
        tag("summary", f"The same as a table ({plural(len(facts.all), 'communication')})"),
        facts_table(facts.all, facts.ids, "All communications"),
    )
    return join([tag("p", said, class_="dim"), body, left_out, everything])


def _caveats(facts: Facts) -> Html | None:
    """Return what the caveats that occur mean, with their counts."""
    counts: dict[str, int] = {}
    for fact in facts.all:
        for caveat in fact.caveats:
            counts[caveat] = counts.get(caveat, 0) + 1
    if not counts:
        return None
    rows = [(tag("span", name, class_="caveat"), f"{counts[name]:,}", CAVEATS.get(name, "")) for name in sorted(counts)]
    return tag(
        "details",
        tag("summary", f"What the {plural(len(counts), 'caveat')} below mean{'s' if len(counts) == 1 else ''}"),
        table(("Caveat", "Suggestions", "What it means"), rows, "Caveats", numbers=(1,)),
    )


def _withheld(facts: Facts) -> Html:
    groups: dict[str, list[Fact]] = {}
    for fact in facts.all:
        if fact.withheld is not None:
            groups.setdefault(fact.withheld.why, []).append(fact)
    if not facts.all:
        return tag("p", "Nothing was observed, so nothing was left out.", class_="empty")
    if not groups:
        return tag("p", "Nothing: every communication that was observed can become a rule.", class_="empty")
    return tag("div", [_withheld_group(why, groups[why], facts) for why in sorted(groups)])


def _withheld_group(why: str, found: Sequence[Fact], facts: Facts) -> Html:
    name, meaning = WITHHELD.get(why, (why, ""))
    count = plural(len(found), "communication")
    return tag(
        "details",
        tag("summary", tag("b", name), tag("code", why), tag("span", count, class_="dim")),
        tag("p", meaning),
        facts_table(found, facts.ids, name),
        class_="why",
    )


def _open(facts: Facts) -> Html:
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
    return join([tag("p", meaning + note), table(("Workload", "Open"), rows, "Open directions")])


def _beyond_policy(facts: Facts) -> Html | None:
    refs = facts.conclusion.beyond_policy
    if not refs:
        return None
    names = join([end_name(ref, facts.ids) for ref in refs], ", ")
    return tag("p", "On the host network, where no NetworkPolicy applies: ", names, ".")


def _listed(decisions: Iterable[Decision], said: str) -> Html:
    rows = [(tag("code", d.id), d.choice, d.what, d.by, d.why) for d in decisions]
    return join([tag("p", said), table(("Suggestion", "Decision", "What", "By", "Why"), rows, "Decisions")])
