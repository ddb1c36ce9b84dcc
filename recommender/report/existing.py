"""Turns what an export changes beside existing policies into a part of the page."""

from collections.abc import Sequence, Sized

from recommender.communications import meaning
from recommender.existing import ExistingReport
from recommender.existing_summary import delete_command, policy_name
from recommender.report.ceiling import more
from recommender.report.evidence import links
from recommender.report.facts import MOST_BESIDE, Facts
from recommender.report.markup import Child, Html, join, tag
from recommender.report.tables import Ids, end_name, port, said, table
from recommender.report.words import plural

_HEADINGS = {
    "unread": "Existing policies that cannot be read",
    "breaks": "Accepted, but denied by existing policies and export together",
    "kept": "Not accepted, kept open by existing rules",
    "stale": "Left over from earlier exports",
    "overwritten": "Replaced by name",
    "added": "Newly allowed by the export",
    "already": "Allowed already",
    "redundant": "Redundant once the export is applied",
    "idle": "Existing policies and rules that take no known pod",
}
_MEANINGS = {
    "unread": "They have fields that this podfence does not know, and count nowhere on this page.",
    "breaks": "An existing policy isolates an end that the export has no rule for.",
    "kept": "NetworkPolicies are a union: declining does not close what another policy opens. Change that rule.",
    "stale": "Applying the export does not delete them, and they keep open what they opened. Another export of "
    "podfence may need those of other namespaces; delete the rest.",
    "overwritten": "These are not podfence's, and have the name of an exported policy: applying the export replaces "
    "them. Rename them to keep them.",
    "added": "Existing policies deny it as of now.",
    "already": "Existing rules open this end already; the export adds nothing there.",
    "redundant": "Everything listed can be deleted together. What is redundant for the pods known now may matter "
    "again for pods with other labels.",
    "idle": "They may be meant for pods that are to come.",
}


def existing_part(report: ExistingReport, ids: Ids, facts: Facts | None = None) -> Html | None:
    """Return the whole part without a heading; None where the cluster has no policies and nothing is amiss.

    `ids` are the anchors of the workloads on the page. With the facts of a large page, what is newly allowed is links.
    """
    found = report.existing
    if not (found.policies or found.own or found.unread or found.missing):
        return None
    first = (
        f"{plural(len(found.policies), 'policy', 'policies')} of others and "
        f"{plural(len(found.own), 'policy', 'policies')} of earlier exports of podfence were in force. Others' "
        f"isolate {plural(sum(map(len, report.isolates.values())), 'workload direction')} already."
    )
    if found.missing:
        first = f"The cluster's policies are not known, and so they do not count: {found.missing}"
    most = MOST_BESIDE if facts is not None and facts.crowded else None
    lists = (*_faults(report, ids, most), *_changes(report, ids, most), *_leftovers(report, most))
    briefly = _added(report, facts) if facts is not None and facts.brief and report.added else None
    shown = [_list(*parts) for parts in lists if parts[2] and (briefly is None or parts[0] != "added")]
    return join([tag("p", first), shown, briefly])


_List = tuple[str, tuple[str, ...], Sequence[Sequence[Child]], Sized]
"""Key of heading and meaning, column names, rows, and all that there could be rows of."""


def _added(report: ExistingReport, facts: Facts) -> Html:
    """Return what is newly allowed as links to its evidence."""
    wanted = {meaning(communication) for communication in report.added}
    found = [fact for fact in facts.here(facts.all) if meaning(fact.communication) in wanted]
    return _fold("added", len(report.added), join([links(found, both=True), more(report.added, found)]))


def _list(key: str, head: Sequence[str], rows: Sequence[Sequence[Child]], found: Sized) -> Html:
    return _fold(key, len(found), join([table(head, rows, _HEADINGS[key]), more(found, rows)]))


def _fold(key: str, count: int, body: Html) -> Html:
    return tag(
        "details",
        tag("summary", tag("b", _HEADINGS[key]), " ", tag("span", f"{count:,}", class_="dim")),
        tag("p", _MEANINGS[key]),
        body,
        class_="why",
    )


def _faults(report: ExistingReport, ids: Ids, most: int | None) -> list[_List]:
    unread = [(tag("bdi", one.name), said(one.reason)) for one in report.existing.unread[:most]]
    breaks = [
        (end_name(o.communication.src, ids), end_name(o.communication.dst, ids), port(o.communication), said(o.reason))
        for o in report.would_still_break[:most]
    ]
    return [
        ("breaks", ("From", "To", "Port", "Because"), breaks, report.would_still_break),
        ("unread", ("Policy", "Why"), unread, report.existing.unread),
    ]


def _changes(report: ExistingReport, ids: Ids, most: int | None) -> list[_List]:
    kept = [
        (
            end_name(one.communication.src, ids),
            end_name(one.communication.dst, ids),
            port(one.communication),
            one.decided + (", undecidable" if one.verdict == "undecidable" else ""),
            [_names(one.rules), " (stale)" if one.stale else None],
        )
        for one in report.kept_open[:most]
    ]
    added = [(end_name(c.src, ids), end_name(c.dst, ids), port(c)) for c in report.added[:most]]
    already = [
        (
            end_name(one.communication.src, ids),
            end_name(one.communication.dst, ids),
            port(one.communication),
            one.direction,
            _names(one.rules),
        )
        for one in report.already_allowed[:most]
    ]
    return [
        ("kept", ("From", "To", "Port", "Decision", "Kept open by"), kept, report.kept_open),
        ("added", ("From", "To", "Port"), added, report.added),
        ("already", ("From", "To", "Port", "End", "By rule"), already, report.already_allowed),
    ]


def _leftovers(report: ExistingReport, most: int | None) -> list[_List]:
    stale = [(tag("bdi", policy_name(p)), tag("code", delete_command(p))) for p in report.stale[:most]]
    overwritten = [(tag("bdi", policy_name(p)),) for p in report.overwritten[:most]]
    redundant = [
        (
            tag("bdi", one.name),
            "policy" if one.whole else "rule",
            _names(one.by),
            "always" if one.always else "for the pods known now",
        )
        for one in report.redundancy.redundant[:most]
    ]
    return [
        ("stale", ("Policy", "Delete with"), stale, report.stale),
        ("overwritten", ("Policy",), overwritten, report.overwritten),
        ("redundant", ("Name", "What", "Covered by", "Holds"), redundant, report.redundancy.redundant),
        ("idle", ("Name",), [(tag("bdi", name),) for name in report.redundancy.idle[:most]], report.redundancy.idle),
    ]


def _names(names: Sequence[str]) -> Html:
    return join([tag("bdi", name) for name in names], ", ")
