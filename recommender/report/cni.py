"""Turns warnings about a CNI into their part of the page: each with its policy, and the place that says so."""

from collections.abc import Mapping, Sequence
from typing import Final

from recommender.cni import CniWarning
from recommender.cni_checks import Kind
from recommender.report.markup import Html, join, tag
from recommender.report.tables import said, table

MOST_ROWS: Final = 1000
HEADINGS: Final[Mapping[Kind, str]] = {
    "service_port": "Service port differs from the pod's",
    "service_address": "Address behind a Service",
    "service_selector": "Service without the rule's labels",
    "node_address": "Node by its address",
    "api_server_address": "API server by its address",
    "link_local_address": "Link-local address",
    "host_network_source": "Host network by a node's address",
    "client_address": "Client whose address is replaced",
    "end_port": "Port range",
    "sctp": "SCTP",
    "named_port": "Port by name",
    "named_port_of_block": "Port by name beside an ipBlock",
    "except_overlap": "Exceptions in overlapping ipBlocks",
    "ipv6_everything": "All of IPv6",
    "mixed_families": "IPv4 and IPv6 in one policy",
    "too_many_ports": "Too many ports for one peer",
    "standalone_pod": "Pod without a controller",
}


def cni_part(warnings: Sequence[CniWarning]) -> Html:
    """Return the warnings as a table, in their order."""
    if not warnings:
        return tag("p", "Nothing in the policies is known not to work there.", class_="empty")
    rows = [
        (
            tag("bdi", warning.policy),
            [HEADINGS[warning.kind], " ", tag("small", warning.kind)],
            [said(warning.sentence), tag("div", "Source: ", tag("bdi", warning.source), class_="said dim")],
        )
        for warning in warnings[:MOST_ROWS]
    ]
    more = len(warnings) - MOST_ROWS
    rest = tag("p", f"and {more:,} more", class_="dim") if more > 0 else None
    return join([table(("Policy", "What", "Why, and what to do"), rows, "CNI warnings", class_="stack"), rest])
