"""Turns a conclusion into the whole page: the verdict first, then what it rests on, then every detail."""

from collections.abc import Iterable, Sequence

from recommender.communications import meaning
from recommender.outcomes import Outcome
from recommender.reading_words import amounts, window_text
from recommender.report.ceiling import ceiling_part, more
from recommender.report.cni import cni_part
from recommender.report.coverage import coverage_part
from recommender.report.decisions import listed, widened_part
from recommender.report.existing import existing_part
from recommender.report.facts import MOST_LISTED, Facts
from recommender.report.findings import FEW_SHOWN, MOST_SHOWN, findings_part
from recommender.report.graph import MOST_WORKLOADS, Graph, graph_of
from recommender.report.inputs import inputs_part
from recommender.report.left_out import open_part, withheld_part
from recommender.report.markup import Child, Html, join, plain, tag
from recommender.report.matrix import matrix
from recommender.report.picture import hover_rules, picture
from recommender.report.style import STYLE
from recommender.report.tables import (
    end_name,
    excess_table,
    facts_table,
    long_table,
    port,
    said,
    table,
)
from recommender.report.verdict import verdict_part
from recommender.report.words import CAVEATS, plural
from recommender.report.workloads import workloads_part
from recommender.review import Decision
from recommender.summary import Conclusion, summary_data

MOST_LINES = 400
"""More than this no picture shows so that anyone could read it."""

# No script and no request: what a capture smuggled in could do nothing even if it were not escaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def report_html(conclusion: Conclusion, title: str = "podfence report", most: int = MOST_LISTED) -> str:
    """Return one self-contained HTML page; the same conclusion gives the same bytes.

    It lists `most` communications, those that a reader needs most, and says what it leaves out; its numbers are of all.
    Everything that came from traffic or the cluster is there as text only, unseen characters written out.
    """
    facts = Facts(conclusion, most)
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
        tag("main", verdict_part(facts), ceiling_part(facts), [_part(*part) for part in parts]),
        tag("footer", tag("p", "Written by podfence. This page needs no network and runs no script.")),
        class_="brief" if facts.brief else None,
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en', dir='ltr')}\n"


Part = tuple[str, str, Child]
"""Id, heading, content."""


def _parts(facts: Facts, graph: Graph, *, drawn: bool) -> list[Part]:
    """Return the parts in the order of a reader in a hurry; lists of faults only where there are any."""
    conclusion = facts.conclusion
    stale = "What each was about is another thing now, or more than it was: it is undecided again."
    gone = "They are kept and never exported: what they speak of was not observed this time."
    found: list[tuple[str, str, Child]] = [
        ("widened", "Widened: opened beyond what was seen, on purpose", widened_part(facts)),
        ("cni", "What would not work on this cluster", cni_part(conclusion.cni) if conclusion.cni else None),
        ("findings", "What to look at", _findings(facts)),
        ("coverage", "Learnt for long enough?", _coverage(facts)),
        ("picture", "Who talks to whom", _picture(facts, graph, drawn=drawn)),
        ("workloads", "Workload by workload", join([_caveats(facts), workloads_part(facts)])),
        ("withheld", "What was left out, and why", withheld_part(facts)),
        ("open", "What stays open", open_part(facts)),
        ("existing", "Policies that the cluster has already", existing_part(conclusion.existing, facts.ids, facts)),
        ("stale", "Decisions that no longer hold", _decisions(conclusion.reviewed.stale, stale, facts)),
        ("orphans", "Decisions on what is no longer suggested", _decisions(conclusion.reviewed.orphans, gone, facts)),
        ("inputs", "What was read", inputs_part(facts)),
    ]
    return [*_faults(facts), *(part for part in found if part[2] is not None)]


def _findings(facts: Facts) -> Html | None:
    found = facts.conclusion.findings
    if not found:
        return None
    most, shown = FEW_SHOWN if facts.brief else MOST_SHOWN, facts.few(found)
    return join([findings_part(shown, facts.conclusion.communications, facts.listed, most), more(found, shown)])


def _coverage(facts: Facts) -> Html | None:
    found = facts.conclusion.coverage
    return None if found is None else coverage_part(found, facts.ids)


def _decisions(found: Sequence[Decision], meaning: str, facts: Facts) -> Html | None:
    return join([listed(facts.few(found), meaning), more(found, facts.few(found))]) if found else None


def _part(name: str, heading: str, content: Child) -> Html:
    return tag("section", tag("h2", heading), content, id=name)


def _contents(parts: Iterable[Part]) -> Html:
    return tag("nav", [tag("a", heading, href=f"#{name}") for name, heading, _ in parts], aria_label="Contents")


def _subtitle(conclusion: Conclusion) -> str:
    window = conclusion.observation.window
    data = summary_data(conclusion)
    if window.start is None or window.end is None:
        return f"{plural(len(window.sources), 'input')}, no time observed"
    return (
        f"{window_text(window)} · {amounts(window.sources)} · {plural(data['flows'], 'flow')} · "
        f"{plural(data['communications'], 'communication')}"
    )


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
            shown = facts.few(conclusion.excess)
            body = join([excess_table(shown), more(conclusion.excess, shown)])
            yield "excess", "Excess: let through, but not accepted", body
        if outcomes:
            yield name, heading, _listed(outcomes, facts, heading)


def _listed(outcomes: Sequence[Outcome], facts: Facts, heading: str) -> Html:
    keyed = [(outcome, facts.anchors.get(meaning(outcome.communication))) for outcome in outcomes]
    rows = facts.few([_fault(outcome, facts, anchor) for outcome, anchor in keyed if anchor is not None])
    head = ("From", "To", "Port", "Policies say", "Because")
    return join([long_table(head, rows, heading) if rows else None, more(outcomes, rows)])


def _fault(outcome: Outcome, facts: Facts, anchor: str) -> tuple[Child, ...]:
    spoken = outcome.communication
    ends = (end_name(spoken.src, facts.ids), end_name(spoken.dst, facts.ids))
    return *ends, tag("a", port(spoken), href=f"#{anchor}"), outcome.verdict, said(outcome.reason)


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
        body = matrix(graph)
        said = (
            f"{plural(graph.workloads, 'workload')} and {plural(len(graph.lines), 'line')} are too many for a readable "
            f"picture, so none is drawn: the matrix counts all {plural(len(facts.all), 'communication')}."
        )
    left_out = (
        tag(
            "p",
            f"Without any traffic, and so not drawn: {plural(len(quiet), 'workload')}. ",
            join([end_name(ref, facts.ids) for ref in facts.few(quiet)], ", "),
        )
        if quiet
        else None
    )
    listed = facts.here(facts.all)
    everything = (
        tag(
            "p",
            f"Each communication{' of those listed' if facts.crowded else ''} stands once under Workload by workload.",
        )
        if facts.brief
        else tag(
            "details",
            tag("summary", f"The same as a table ({plural(len(listed), 'communication')})"),
            facts_table(listed, facts.ids, "All communications"),
            class_="again",  # paper has it under the workloads
        )
    )
    return join([tag("p", said, class_="dim"), body, left_out, more(quiet, facts.few(quiet)), everything])


def _caveats(facts: Facts) -> Html | None:
    """Return what the caveats that occur mean, with their counts."""
    counts: dict[str, int] = {}
    for fact in facts.all:
        for caveat in fact.caveats:
            counts[caveat] = counts.get(caveat, 0) + 1
    if not counts:
        return None
    rows = [(tag("i", name), f"{counts[name]:,}", CAVEATS.get(name, "")) for name in sorted(counts)]
    return tag(
        "details",
        tag("summary", f"What the {plural(len(counts), 'caveat')} below mean{'s' if len(counts) == 1 else ''}"),
        table(("Caveat", "Suggestions", "What it means"), rows, "Caveats", numbers=(1,)),
        class_="caveats",
    )
