"""Turns GKE's network policy log (Dataplane V2) into batches: Cloud Logging's entries, or the file on the node.

Format: https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy-logging; docs/formats/gke-policy-log.md
says how it is switched on. A record is one connection that the policies of one of its pods allowed, or some attempts
that they denied; nothing says that anybody answered.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.cloud_logging import Entries, claims_of, payload_of, read_entries
from collectors.formats.columns import Array, Kind, Numbers, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.icmp import of_family
from collectors.formats.ports import is_like_answer
from collectors.formats.sniffing import outline

NAME: Final = "gke-policy-log"

_KINDS: Final = {
    **{f"connection.{name}": Kind.TEXT for name in ("src_ip", "dest_ip", "protocol", "direction")},
    **{f"connection.{end}_port": Kind.NUMBER for end in ("src", "dest")},
    **{
        f"{end}.{name}": Kind.TEXT
        for end in ("src", "dest")
        for name in ("pod_name", "pod_namespace", "namespace", "workload_kind", "workload_name")
    },
    "disposition": Kind.TEXT, "node_name": Kind.TEXT, "count": Kind.NUMBER, "timestamp": Kind.TIME,
}  # fmt: skip
_NEEDED: Final = {"connection.src_ip", "connection.dest_ip", "connection.direction", "disposition"}
_ALLOW, _DENY = "allow", "deny"
_REPORTING: Final = {"src": "egress", "dest": "ingress"}
"""The direction of what each end's node writes: the policies of that end were asked."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of policy decisions; Google's firewall log has other words for them."""
    found = payload_of(outline(head))
    return found.keys() >= _NEEDED and found["disposition"] in {_ALLOW, _DENY}


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; entries of other logs of the cluster are left out as `other_record`."""
    for entries in read_entries(stream, _KINDS):
        yield _batch(entries)


def _batch(entries: Entries) -> Batch:
    source, destination = entries.text("connection.src_ip"), entries.text("connection.dest_ip")
    protocol = entries.text("connection.protocol")
    source_port, port = entries.number("connection.src_port"), entries.number("connection.dest_port")
    disposition, time = entries.text("disposition"), entries.number("timestamp").or_else(entries.time)
    records = records_of(
        entries.columns,
        first=time,
        protocol=of_family(protocol, source),
        src=source,
        dst=destination,
        src_port=source_port,
        dst_port=port,
        evidence=_evidence(disposition, is_like_answer(source_port, port)),
        connections=_connections(entries.number("count")),
        src_namespace=_namespace(entries, "src"),
        src_pod=entries.text("src.pod_name"),
        dst_namespace=_namespace(entries, "dest"),
        dst_pod=entries.text("dest.pod_name"),
        # both nodes write of a connection whose ends both have policies
        reporter=entries.text("connection.direction"),
    )
    return batch_of(
        entries.columns,
        records,
        {
            "other_record": ~disposition.isin((_ALLOW, _DENY)),
            "incomplete": ~source.known | ~destination.known | ~protocol.known,
        },
        claims=[
            *claims_of(time, source, _said(entries, "src")),
            *claims_of(time, destination, _said(entries, "dest")),
        ],
    )


def _evidence(disposition: Texts, answers: Array) -> Array:
    """Return the bits: a packet that is judged begins a connection, as far as the node knows.

    A connection that the node forgot too early is judged again, by an answer perhaps: that says nothing of who began.
    """
    allowed, denied = disposition.isin((_ALLOW,)), disposition.isin((_DENY,))
    return evidence(
        len(disposition),
        (Seen.BEGAN, (allowed | denied) & ~answers),
        (Seen.ALLOWED, allowed),
        (Seen.DENIED, denied),
    )


def _connections(count: Numbers) -> Numbers:
    """Return how many attempts each record is of: one where it does not say."""
    return count.where(count.values > 0).or_else(Numbers.all(1, len(count)))


def _namespace(entries: Entries, end: str) -> Texts:
    """Return the namespace of an end's pod, which older versions call `namespace`."""
    found, older = entries.text(f"{end}.pod_namespace"), entries.text(f"{end}.namespace")
    return found.but(~found.known, older)


def _said(entries: Entries, end: str) -> list[Texts]:
    """Return what is claimed of an end's pod; its node is known where it is that node that writes."""
    own = entries.text("connection.direction").isin((_REPORTING[end],))
    node = Texts.none(len(entries)).but(own, entries.text("node_name"))
    named = [entries.text(f"{end}.{name}") for name in ("pod_name", "workload_kind", "workload_name")]
    return [_namespace(entries, end), *named, node]
