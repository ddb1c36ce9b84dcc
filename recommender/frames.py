"""Turns communications, suggestions, coverage, policies and outcomes into small frames, for people at home in pandas.

Every frame has all its columns, of their dtypes, also when it is empty. Texts that are not there are "", never NA.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from collectors.inventory import WorkloadRef
from collectors.schema import Column, Schema
from recommender.communications import Communication, End
from recommender.coverage_model import Coverage
from recommender.outcomes import Outcome
from recommender.policy import EGRESS, INGRESS, LabelSelector, NetworkPolicy, Peer, Port
from recommender.review import Reviewed
from recommender.suggest import Suggestions

TIME = "datetime64[ns, UTC]"

_WHO = tuple(
    Column(f"{end}{part}", "str", meaning.format(whom))
    for end, whom in (("src", "who began it"), ("dst", "who was called"))
    for part, meaning in (
        ("", "{}: namespace/kind/name of a workload, or kind and text of an address"),
        ("_namespace", "namespace of {}; empty for an address"),
        ("_kind", "kind of {}: Deployment, ..., or external, node, api_server, ..."),
        ("_name", "name of {}, or the address"),
    )
)
_PORT = (
    Column("protocol", "str", "TCP UDP SCTP ICMP ICMPv6, else the IANA number as text"),
    Column("port", "UInt16", "the port called, after Service translation; 0 where the protocol has none"),
)
_COUNTS = (
    Column("connections", "Int64", "those that worked", "1"),
    Column("one_way", "Int64", "datagram conversations without any reply", "1"),
    Column("allowed", "Int64", "attempts that a policy let through, with no answer shown", "1"),
    Column("first_seen", TIME, "first packet or event"),
    Column("last_seen", TIME, "last packet or event"),
)

COMMUNICATIONS = Schema(
    "communications",
    (
        *_WHO,
        *_PORT,
        *_COUNTS,
        Column("failed", "Int64", "attempts that did not work", "1"),
        Column("packets", "Int64", "packets src -> dst; NA = not known", "1"),
        Column("bytes", "Int64", "IP bytes src -> dst; NA = not known", "B"),
        Column("reply_packets", "Int64", "packets dst -> src; NA = not known", "1"),
        Column("reply_bytes", "Int64", "IP bytes dst -> src; NA = not known", "B"),
        Column("src_pods", "Int64", "different pods that began it", "1"),
        Column("dst_pods", "Int64", "different pods that were called", "1"),
        Column("orientations", "str", "how we know who began it"),
        Column("services", "str", "the Services that it was reached through"),
        Column("names", "str", "what an address was called"),
        Column("sources", "str", "the inputs that show it"),
        Column("notes", "str", "facts of resolution, such as node_local"),
        Column("example", "str", "one flow of it"),
    ),
)
SUGGESTIONS = Schema(
    "suggestions",
    (
        Column("id", "str", "what a decision names it by"),
        *_WHO,
        *_PORT,
        *_COUNTS,
        Column("caveats", "str", "reasons to look twice"),
        Column("reason", "str", "the evidence in a sentence"),
        Column("decided", "str", "what became of it", vocabulary=("accepted", "declined", "undecided")),
        Column("by", "str", "who decided"),
        Column("at", "str", "when, RFC 3339"),
        Column("why", "str", "the reason given"),
        Column("widened", "str", "what the decision opens beyond what was seen"),
    ),
)
WITHHELD = Schema(
    "withheld",
    (
        *_WHO,
        *_PORT,
        *_COUNTS,
        Column("withheld", "str", "the class of reason (docs/evidence.md)"),
        Column("reason", "str", "the reason in a sentence"),
    ),
)
OUTCOMES = Schema(
    "outcomes",
    (
        *_WHO,
        *_PORT,
        *_COUNTS,
        Column("verdict", "str", "of both ends together", vocabulary=("allowed", "denied", "undecidable")),
        Column("egress", "str", "of the policies at src", vocabulary=("allowed", "denied", "undecidable")),
        Column("ingress", "str", "of the policies at dst", vocabulary=("allowed", "denied", "undecidable")),
        Column("rules", "str", "the rules that let it pass, of both ends"),
        Column("policies", "str", "the policies that isolate either end"),
        Column("reason", "str", "both ends in a sentence"),
    ),
)
POLICIES = Schema(
    "policies",
    (
        Column("namespace", "str", "of the policy and the pods that it selects"),
        Column("policy", "str", "name of the policy"),
        Column("pods", "str", "the labels of the pods that it selects; <all> for every pod of the namespace"),
        Column("direction", "str", "the direction that it isolates", vocabulary=("Ingress", "Egress")),
        Column("rule", "Int64", "number of the rule, from 0; NA: no rule, nothing passes"),
        Column("peer", "str", "one peer of the rule; <any> where it names none"),
        Column("port", "str", "one port of the rule, as TCP/8080; <any> where it names none"),
    ),
)
COVERAGE = Schema(
    "coverage",
    (
        Column("workload", "str", "namespace/kind/name"),
        Column("namespace", "str", "its namespace"),
        Column("verdict", "str", "is it known well enough?", vocabulary=("learning", "stabilising", "stable")),
        Column("connections", "Int64", "those that worked", "1"),
        Column("edges", "Int64", "communications that it is an end of", "1"),
        Column("edges_seen_once", "Int64", "of these, seen in one time bucket only", "1"),
        Column("unseen_chance_most", "Float64", "upper bound of the chance that the next sighting is a new edge"),
        Column("newest_edge", TIME, "when its newest edge was first seen; NA = it has none"),
        Column("reason", "str", "what the verdict lacks, or rests on"),
    ),
)


def communications_frame(communications: Iterable[Communication]) -> pd.DataFrame:
    """Return a row for each communication, in their order (COMMUNICATIONS)."""
    return _frame(COMMUNICATIONS, ({**_said(c), **_measured(c)} for c in communications))


def suggestions_frame(suggestions: Suggestions | Reviewed) -> pd.DataFrame:
    """Return a row for each suggestion, with what was decided of it where it was reviewed (SUGGESTIONS)."""
    reviewed = suggestions if isinstance(suggestions, Reviewed) else Reviewed(suggestions, undecided=suggestions.items)
    chosen = {item.id: item for item in (*reviewed.accepted, *reviewed.declined)}
    accepted = {item.id for item in reviewed.accepted}
    rows = []
    for plain in reviewed.suggestions.items:
        item = chosen.get(plain.id, plain)  # the reviewed one has the caveat `widened`
        decision = reviewed.decisions.get(item.id) if item.id in chosen else None
        widen = decision.widen if decision is not None else None
        rows.append({
            "id": item.id, **_said(item.communication), "caveats": _listed(item.caveats), "reason": item.reason,
            "decided": "undecided" if item.id not in chosen else "accepted" if item.id in accepted else "declined",
            "by": decision.by if decision else "", "at": decision.at if decision else "",
            "why": decision.why if decision else "", "widened": str(widen) if widen else "",
        })  # fmt: skip
    return _frame(SUGGESTIONS, rows)


def withheld_frame(suggestions: Suggestions | Reviewed) -> pd.DataFrame:
    """Return a row for each communication that no rule is suggested for, with why (WITHHELD)."""
    found = suggestions.suggestions if isinstance(suggestions, Reviewed) else suggestions
    rows = ({**_said(w.communication), "withheld": w.why, "reason": w.reason} for w in found.withheld)
    return _frame(WITHHELD, rows)


def outcomes_frame(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Return a row for each outcome, in their order (OUTCOMES)."""
    rows = (
        {
            **_said(outcome.communication), "verdict": outcome.verdict, "reason": outcome.reason,
            "egress": outcome.egress.verdict, "ingress": outcome.ingress.verdict,
            "rules": _listed((*outcome.egress.rules, *outcome.ingress.rules)),
            "policies": _listed(sorted({*outcome.egress.policies, *outcome.ingress.policies})),
        }
        for outcome in outcomes
    )  # fmt: skip
    return _frame(OUTCOMES, rows)


def policies_frame(policies: Iterable[NetworkPolicy]) -> pd.DataFrame:
    """Return a row for each peer and port of each rule, one for each direction that lets nothing pass (POLICIES)."""
    return _frame(POLICIES, (row for policy in policies for row in _openings(policy)))


def coverage_frame(coverage: Coverage) -> pd.DataFrame:
    """Return a row for each workload, in the order of the coverage (COVERAGE)."""
    rows = (
        {
            "workload": str(entry.workload), "namespace": entry.workload.namespace, "verdict": entry.verdict,
            "connections": entry.seen.connections, "edges": entry.seen.unseen.edges,
            "edges_seen_once": entry.seen.unseen.once, "unseen_chance_most": entry.seen.unseen.chance_most,
            "newest_edge": entry.seen.newest, "reason": entry.reason,
        }
        for entry in coverage.workloads
    )  # fmt: skip
    return _frame(COVERAGE, rows)


def _frame(schema: Schema, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    listed = [{key: _storable(value) for key, value in row.items()} for row in rows]
    return schema.conform(pd.DataFrame(listed, columns=schema.names))


def _storable(value: Any) -> Any:
    """Return a text with half characters written out, which a column of texts cannot hold; anything else as it is."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _said(communication: Communication) -> dict[str, Any]:
    evidence = communication.evidence
    return {
        **_end("src", communication.src), **_end("dst", communication.dst),
        "protocol": communication.protocol, "port": communication.port,
        "connections": evidence.connections, "one_way": evidence.one_way,
        "allowed": evidence.allowed,
        "first_seen": evidence.first_seen, "last_seen": evidence.last_seen,
    }  # fmt: skip


def _end(which: str, end: End) -> dict[str, str]:
    parts = (end.namespace, end.kind, end.name) if isinstance(end, WorkloadRef) else ("", end.kind, end.address)
    return {which: str(end), **{f"{which}_{name}": text for name, text in zip(_PARTS, parts, strict=True)}}


_PARTS = ("namespace", "kind", "name")


def _measured(communication: Communication) -> dict[str, Any]:
    evidence = communication.evidence
    return {
        "failed": sum(count for _, count in evidence.failed),
        "packets": evidence.packets, "bytes": evidence.bytes,
        "reply_packets": evidence.reply_packets, "reply_bytes": evidence.reply_bytes,
        "src_pods": len(evidence.src_pods), "dst_pods": len(evidence.dst_pods),
        "orientations": _listed(evidence.orientations), "services": _listed(evidence.services),
        "names": _listed(evidence.names), "sources": _listed(evidence.sources),
        "notes": _listed(communication.notes), "example": evidence.example,
    }  # fmt: skip


def _openings(policy: NetworkPolicy) -> Iterator[dict[str, Any]]:
    for direction in policy.policy_types:
        rules = {INGRESS: policy.ingress, EGRESS: policy.egress}[direction]
        same = {
            "namespace": policy.namespace, "policy": policy.name, "pods": _selector(policy.pod_selector),
            "direction": direction,
        }  # fmt: skip
        if not rules:
            yield {**same, "rule": None, "peer": "", "port": ""}
        for number, rule in enumerate(rules):
            for peer in [_peer(peer) for peer in rule.peers] or ["<any>"]:
                for port in [_port(port) for port in rule.ports] or ["<any>"]:
                    yield {**same, "rule": number, "peer": peer, "port": port}


def _peer(peer: Peer) -> str:
    if peer.ip_block is not None:
        return peer.ip_block.cidr + (f" except {_listed(peer.ip_block.excepts)}" if peer.ip_block.excepts else "")
    parts = (("pods", peer.pod_selector), ("namespaces", peer.namespace_selector))
    return " in ".join(f"{what} {_selector(selector)}" for what, selector in parts if selector is not None)


def _selector(selector: LabelSelector) -> str:
    labels = [f"{key}={value}" for key, value in selector.match_labels]
    labels += [f"{r.key} {r.operator} {'|'.join(r.values)}".rstrip() for r in selector.match_expressions]
    return ",".join(labels) or "<all>"


def _port(port: Port) -> str:
    if port.port is None:
        return f"{port.protocol}/<any>"
    return f"{port.protocol}/{port.port}" + (f"-{port.end_port}" if port.end_port is not None else "")


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)
