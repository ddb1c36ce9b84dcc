"""Turns findings into their part of the page: the most serious first, each with what it rests on."""

from collections.abc import Mapping, Sequence
from typing import Final

from recommender.communications import Communication
from recommender.findings import Finding, Kind, Severity
from recommender.report.markup import Html, tag
from recommender.report.tables import said, table
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
}

BADGES: Final[Mapping[Severity, str]] = {"serious": "breaks", "attention": "open", "info": "withheld"}
"""The page's style of badge for each severity; the word itself stands in it."""

_SHOWN: Final = 50


def findings_part(findings: Sequence[Finding], communications: Sequence[Communication] = ()) -> Html:
    """Return the findings as a table, in their order; each names the first communications that it rests on."""
    if not findings:
        return tag("p", "Nothing in particular to look at.", class_="empty")
    names = {suggestion_id(communication): str(communication) for communication in communications}
    rows = [
        (
            tag("span", finding.severity, class_=f"badge {BADGES[finding.severity]}"),
            [HEADINGS[finding.kind], " ", tag("small", finding.kind)],
            tag("bdi", finding.subject),
            [said(finding.sentence), _evidence(finding, names)],
        )
        for finding in findings
    ]
    return table(("Severity", "What", "About", "Why"), rows, "Findings")


def _evidence(finding: Finding, names: Mapping[str, str]) -> Html | None:
    """Return what a finding rests on, folded away."""
    if not finding.communications:
        return None
    listed = [
        tag("div", tag("dt", tag("code", key)), tag("dd", tag("bdi", names.get(key, "not in this conclusion"))))
        for key in finding.communications[:_SHOWN]
    ]
    more = len(finding.communications) - _SHOWN
    rest = tag("p", f"and {more:,} more", class_="dim") if more > 0 else None
    summary = tag("summary", plural(len(finding.communications), "communication"))
    return tag("details", summary, tag("dl", listed), rest, class_="evidence")
