"""Turns the closed vocabularies of podfence (ledger, withheld, caveats, ...) into sentences for a reader in a hurry."""

from collections.abc import Mapping
from typing import Final

LEDGER: Final[Mapping[str, str]] = {
    "malformed": "nonsense inside: lengths or versions that contradict each other",
    "truncated": "cut off by the capture length before the ports",
    "not_ip": "ARP, LLDP and other link traffic, which no NetworkPolicy governs",
    "unknown_link": "of a link type that podfence does not read",
    "fragment": "later fragments: they carry no ports; their first fragment is counted",
    "icmp_error": "errors that quote a packet of another conversation, used as evidence that it failed",
    "link_control": "neighbour and router discovery: every link needs it, no policy governs it",
    "loopback": "inside one pod or node, never on the network between pods",
    "multicast": "to a multicast or broadcast address",
    "duplicate": "seen before at another interface or node: counted once",
    "reply": "replies whose request is not in the input",
    "other_record": "log records of another kind than connections: alerts, heartbeats, lines of the agent itself",
    "incomplete": "log records without protocol, ports or address",
    "no_end": "log records that name neither address nor pod of an end",
    "gap": "log records that say only that something was lost",
    "outside": "log records of another time than --since and --until asked for",
}

EVENTS: Final[Mapping[str, str]] = {
    "truncated": "the input ends in the middle of a packet or record",
    "malformed": "framing that cannot be followed further",
    "gap": "packets or events that the source says it lost (1 where it does not say how many): see the gaps below",
    "untimed": "packets without a usable time, taken at the time of the packet before them",
    "passed_over": "a file of a folder that is no capture, and no flow log that is known by its beginning",
    "unreadable": "a file of a folder that could not be read: nothing of it counts, and what it tells is missing",
    "name_evidence": "DNS answers or TLS greetings of which something was not used",
    "grown": "an input that was observed before, when it was shorter: this reading took its place",
    "overlap": "an input of the same name and time as another, with other content",
    "interface": "an interface that came, went or could not be captured: what passed it meanwhile is a gap",
    "overflow": "conversations told as they stood, because more were open than memory has room for",
    "clock": "the clock was set while learning went on: times before and after may not fit together",
    "budget": "packets or records removed by learn, because the oldest did not fit its disk budget: a gap, told here",
}

WITHHELD: Final[Mapping[str, tuple[str, str]]] = {
    "did_not_work": (
        "Did not work",
        (
            "Refused, unanswered or half-open attempts. They are evidence against a rule, never for one: "
            "scans and broken clients show up here."
        ),
    ),
    "outcome_unknown": (
        "Outcome not known",
        (
            "No log shows whether these attempts worked: it has no TCP flags, keeps a sample, or came too late. They "
            "speak neither for a rule nor against one. Another source of the same time may tell."
        ),
    ),
    "audited": (
        "Audited: would be denied",
        "It passed, because the policy against it is in audit mode. In force, that policy denies it.",
    ),
    "inexpressible": (
        "Cannot be expressed",
        "NetworkPolicy knows TCP, UDP and SCTP only. Isolated pods may lose this traffic, by network plugin.",
    ),
    "node_local": (
        "From the pod's own node",
        "Kubelet probes and the like. Kubernetes always allows them, so no rule is needed.",
    ),
    "hairpin": ("Hairpin", "A pod that reached itself through its own Service. No peer rule is needed for that."),
    "ambiguous": (
        "Ambiguous owner",
        "The address may have belonged to two workloads at that time. podfence does not guess.",
    ),
    "unresolved": (
        "Owner unknown",
        (
            "A private address, or a pod's name in a log, that nobody is known to have had at that time. "
            "An inventory taken during the capture would name it."
        ),
    ),
    "service": ("Nothing behind the Service", "A Service address without known backends: no pod can be named."),
    "not_routed": ("Not routed", "Multicast, loopback or link-local traffic, which policies do not meet."),
    "not_oriented": (
        "Initiator unknown",
        "Which side began was not seen, and the port is declared nowhere. A longer capture shows the beginning.",
    ),
    "no_subject": (
        "No policy can name an end",
        "Neither end is a pod with stable labels of its own (host network pods and bare addresses have none).",
    ),
}

CAVEATS: Final[Mapping[str, str]] = {
    "seen_once": "a single connection is thin evidence",
    "short_window": "observed for less than a day: nightly and weekly jobs may be missing",
    "orientation_guessed": "who began was inferred from a declared port, not seen",
    "no_reply": "nothing ever came back: right for statsd or syslog, odd for anything else",
    "scan_like": "the source also touched many ports or peers without success",
    "host_network": "the peer is a node address: every host network pod on that node comes with it",
    "ip_reused": "an address involved belonged to another pod at another time",
    "sampled": "the source kept only some of the traffic",
    "widened": "a recorded decision made the rule wider than what was seen",
    "external": "the peer is a public address, which may change hands",
    "wide_source": "anybody may be a client: exposed by a Service, or reached from many addresses",
    "api_server": "the API server by address: some network plugins match no node by ipBlock",
    "identity_conflict": "a record names another pod than the inventory knows at this address",
    "node_snat": "the source is a node, which may stand for any client behind it",
    "backend_guessed": "the pod behind a Service was inferred, not seen",
    "inseparable": "no selector tells these workloads apart: they are one subject",
    "link_local": "a link-local service address (NodeLocal DNS, metadata)",
    "unconfirmed": "a policy let it through; no source shows that anybody answered",
}

ORIENTATIONS: Final[Mapping[str, str]] = {
    "handshake": "the handshake was seen",
    "reported": "the source says who began",
    "paired": "the first packet was seen",
    "port_hint": "inferred from a declared port",
    "unknown": "not seen",
}

KINDS: Final[Mapping[str, str]] = {
    "external": "external",
    "node": "node",
    "api_server": "API server",
    "service": "Service",
    "unresolved": "owner unknown",
    "ambiguous": "ambiguous owner",
    "link_local": "link-local",
    "multicast": "multicast",
    "broadcast": "broadcast",
    "loopback": "loopback",
}


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun, as in "1 rule" and "1,200 rules"; what nobody could count is rounded."""
    shown = f"{count:,}" if count < _COUNTABLE else f"about {count:.1e}".replace("e+", " × 10^")
    return f"{shown} {one if count == 1 else many or one + 's'}"


_COUNTABLE: Final = 10**12
"""All IPv4 addresses are below; IPv6 ranges are not."""


NOT_KNOWN: Final = "not known"
"""What stands for a number or a time that no source tells."""


def size(count: int | None) -> str:
    """Return bytes in decimal units; a count that is not known is said so."""
    if count is None:
        return NOT_KNOWN
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
