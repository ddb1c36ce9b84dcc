"""Turns findings into their part of the page: the most serious first, each with what it rests on."""

from collections.abc import Container, Mapping, Sequence
from typing import Final

from recommender.communications import Communication
from recommender.findings_model import Finding, Kind, Severity
from recommender.report.markup import Html, join, tag
from recommender.report.tables import long_table, said
from recommender.report.words import plural
from recommender.suggest import suggestion_id

HEADINGS: Final[Mapping[Kind, str]] = {
    "scan": "Looks like a scan",
    "identity_conflict": "Record and inventory disagree",
    "traffic_from_nowhere": "Traffic from nowhere",
    "api_server_reached_by_many": "Many at the API server",
    "metadata_service_reached": "Metadata service reached",
    "database_from_outside_namespace": "Database reached from outside",
    "external_reaches_pod": "Public address reaches a pod",
    "host_network_talks": "Host network talks",
    "sampled_or_lossy": "Sampled or lossy source",
    "identity_from_records": "Who is who is what logs say",
    "denied_before": "Denied at another time",
}

BADGES: Final[Mapping[Severity, str]] = {"serious": "breaks", "attention": "open", "info": "withheld"}
"""The page's style of badge for each severity; the word itself stands in it."""

MOST_SHOWN: Final = 50
"""Communications listed under a finding; the finding counts the rest."""
FEW_SHOWN: Final = 5
"""The same on a large page, where thousands are listed by workload."""


def findings_part(
    findings: Sequence[Finding],
    communications: Sequence[Communication] = (),
    anchors: Container[str] = frozenset(),
    most: int = MOST_SHOWN,
) -> Html:
    """Return the findings as a table, in their order; each names the first communications that it rests on.

    `anchors` are the suggestions whose evidence stands on the page: they become links to it.
    """
    if not findings:
        return tag("p", "Nothing in particular to look at.", class_="empty")
    names = {suggestion_id(communication): str(communication) for communication in communications}
    rows = [
        (
            tag("span", finding.severity, class_=f"badge {BADGES[finding.severity]}"),
            [HEADINGS[finding.kind], " ", tag("small", finding.kind)],
            tag("bdi", finding.subject),
            [said(finding.sentence), _evidence(finding, names, anchors, most)],
        )
        for finding in findings
    ]
    return long_table(("Severity", "What", "About", "Why"), rows, "Findings", class_="stack")


def _evidence(finding: Finding, names: Mapping[str, str], anchors: Container[str], most: int) -> Html | None:
    """Return what a finding rests on, folded away."""
    if not finding.communications:
        return None
    listed = [tag("li", _link(key, names, anchors)) for key in finding.communications[:most]]
    more = len(finding.communications) - most
    rest = tag("p", f"and {more:,} more", class_="dim") if more > 0 else None
    summary = tag("summary", plural(len(finding.communications), "communication"))
    return tag("details", summary, tag("ul", listed), rest, class_="rests")


def _link(key: str, names: Mapping[str, str], anchors: Container[str]) -> Html:
    if key not in names:
        return join([tag("code", key), " is not in this conclusion"])
    return tag("a", names[key], href=f"#{key}") if key in anchors else join([tag("code", key), " ", names[key]])
