"""Turns what Antrea adds to a flow record into claims of pods, the Service that was called, and what policies did."""

import json
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from collectors.formats.batch import Claim
from collectors.formats.columns import Array, Numbers, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.netflow_fields import set_address

_DENYING: Final = ("2", "3", "Drop", "Reject")
"""Rule actions, as numbers and as the flow logger prints them."""
_STATES: Final = {
    "ESTABLISHED": Seen.WORKED, "FIN_WAIT": Seen.WORKED, "CLOSE_WAIT": Seen.WORKED, "LAST_ACK": Seen.WORKED,
    "TIME_WAIT": Seen.WORKED, "SYN_RECV": Seen.HALF_OPEN, "SYN_SENT": Seen.UNANSWERED, "SYN_SENT2": Seen.UNANSWERED,
}  # fmt: skip
"""What conntrack's state of a TCP connection proves; CLOSE follows a RST, of whatever connection."""


class Said(Protocol):
    """Fields of records by the names of Antrea's information elements, from whatever dialect."""

    def text(self, name: str) -> Texts:
        """Return a field as text."""

    def number(self, name: str) -> Numbers:
        """Return a field as whole numbers."""


def pods(said: Said) -> dict[str, Texts]:
    """Return the claimed namespace and pod of both ends, as `records_of` takes them."""
    return {
        f"{short}_{part}": said.text(f"{end}Pod{name}")
        for short, end in (("src", "source"), ("dst", "destination"))
        for part, name in (("namespace", "Namespace"), ("pod", "Name"))
    }


def service(said: Said) -> dict[str, Texts | Numbers]:
    """Return the Service's address and port before translation; the destination of a record is behind it."""
    four, six = (said.text(f"destinationClusterIP{kind}").map(set_address) for kind in ("v4", "v6"))
    address, port = four.but(~four.known, six), said.number("destinationServicePort")
    return {"service_ip": address, "service_port": port.where(address.known & (port.values > 0))}


def outcome(said: Said, protocol: Texts, answered: Numbers) -> Array:
    """Return the bits of records whose source began the connection, for it is conntrack's original direction.

    `answered` is how many packets ever came back, missing in a dialect that has no counters: there a record only says
    that the connection was let through.
    """
    actions = [said.text(f"{way}NetworkPolicyRuleAction") for way in ("ingress", "egress")]
    denied = actions[0].isin(_DENYING) | actions[1].isin(_DENYING)
    tcp = protocol.isin(("6", "TCP"))
    state = said.text("tcpState").each(lambda text: int(_STATES.get(text.upper().replace("-", "_"), 0)), 0)
    bits = evidence(
        len(denied),
        (Seen.BEGAN, True),
        (Seen.DENIED, denied),
        (Seen.ALLOWED, ~denied & ~answered.known & (state == 0)),
        (Seen.WORKED, ~denied & ~tcp & (answered.values > 0)),
    )
    return bits | np.where(tcp & ~denied, state, 0)


def claims(said: Said, time: Numbers, end: str, address: Texts) -> Iterator[Claim]:
    """Yield what is claimed of each address at an end (source, destination), as of the first record that says so."""
    columns = [said.text(f"{end}{name}") for name in ("PodNamespace", "PodName", "NodeName", "PodLabels")]
    number = np.zeros(len(address), dtype=np.int64)
    for column in (address, *columns):
        distinct, codes = np.unique(column.codes, return_inverse=True)
        number = np.unique(number * len(distinct) + codes, return_inverse=True)[1]
    made = np.flatnonzero(columns[0].known & columns[1].known & address.known & time.known)
    for row in made[np.unique(number[made], return_index=True)[1]].tolist():
        namespace, pod, node, labels = (column.at(row) or "" for column in columns)
        where = address.values[address.codes[row]]
        yield Claim(int(time.values[row]), where, namespace, pod, labels=_labels(labels), node=node)


def _labels(text: str) -> tuple[tuple[str, str], ...] | None:
    """Return the labels in a JSON object; None where there is none, or it is cut."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return tuple(sorted((key, value) for key, value in found.items() if isinstance(value, str)))
