"""Turns VPC flow logs of Google Cloud into batches: Cloud Logging's entries, in lines or in an array.

Format: https://cloud.google.com/vpc/docs/about-flow-logs-records; docs/formats/gcp-vpc.md says how it is switched on.
A record is one direction of a connection for some seconds, as one of its ends saw it, of about one packet in thirty.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.cloud_logging import Entries, claims_of, payload_of, read_entries
from collectors.formats.columns import Array, Kind, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.sniffing import outline

NAME: Final = "gcp-vpc"

_POD: Final = ("pod_namespace", "pod_name")
_WORKLOADS: Final = ("pod.pod_workload", "pod")
"""Where in the details of an end its workload may be."""
_KINDS: Final = {
    **{f"connection.{name}": Kind.TEXT for name in ("src_ip", "dest_ip", "protocol")},
    **{f"connection.{end}_port": Kind.NUMBER for end in ("src", "dest")},
    **dict.fromkeys(("packets_sent", "bytes_sent"), Kind.NUMBER),
    **dict.fromkeys(("start_time", "end_time"), Kind.TIME),
    **{f"{end}_gke_details.pod.{name}": Kind.TEXT for end in ("src", "dest") for name in _POD},
    **{
        f"{end}_gke_details.{at}.workload_{what}": Kind.TEXT
        for end in ("src", "dest")
        for at in _WORKLOADS
        for what in ("type", "name")
    },
    "reporter": Kind.TEXT, "disposition": Kind.TEXT,
}  # fmt: skip
_NEEDED: Final = {"connection.src_ip", "connection.dest_ip", "connection.protocol", "reporter"}
_DROPPED: Final = ("DROPPED", "DENIED")
_KEPT: Final = 1 / 30
"""Share of packets that are looked at: about so many, whatever the settings, which only make it less."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of flows with a reporter."""
    return payload_of(outline(head)).keys() >= _NEEDED


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; entries of other logs are left out as `other_record`."""
    for entries in read_entries(stream, _KINDS):
        yield _batch(entries)


def _batch(entries: Entries) -> Batch:
    source, destination = entries.text("connection.src_ip"), entries.text("connection.dest_ip")
    protocol, reporter = entries.text("connection.protocol"), entries.text("reporter")
    first = entries.number("start_time").or_else(entries.time)
    pods = {end: [entries.text(f"{end}_gke_details.pod.{name}") for name in _POD] for end in ("src", "dest")}
    records = records_of(
        entries.columns,
        first=first,
        last=entries.number("end_time").or_else(first),
        protocol=protocol,
        src=source,
        dst=destination,
        src_port=entries.number("connection.src_port"),
        dst_port=entries.number("connection.dest_port"),
        evidence=_evidence(entries, protocol),
        packets=entries.number("packets_sent"),
        bytes=entries.number("bytes_sent"),
        src_namespace=pods["src"][0],
        src_pod=pods["src"][1],
        dst_namespace=pods["dest"][0],
        dst_pod=pods["dest"][1],
        # the machines of both ends write of each direction
        reporter=reporter,
        sampled=_KEPT,
    )
    return batch_of(
        entries.columns,
        records,
        {
            "other_record": ~reporter.known,
            "incomplete": ~source.known | ~destination.known | ~protocol.known,
        },
        claims=[
            *claims_of(first, source, [*pods["src"], *_workload(entries, "src")]),
            *claims_of(first, destination, [*pods["dest"], *_workload(entries, "dest")]),
        ],
    )


def _evidence(entries: Entries, protocol: Texts) -> Array:
    """Return the bits: what a side sent, which is payload without headers, if not who began.

    The first packet that was looked at need not be the first one. A round trip time is no proof of a connection: a RST
    acknowledges a SYN, too.
    """
    return evidence(
        len(entries),
        (Seen.DOUBTED, True),
        (Seen.CARRIED, protocol.isin(("6",)) & (entries.number("bytes_sent").values > 0)),
        (Seen.DENIED, entries.text("disposition").isin(_DROPPED)),
    )


def _workload(entries: Entries, end: str) -> list[Texts]:
    """Return kind and name of an end's workload, and that its node is not said."""
    places = [f"{end}_gke_details.{at}.workload" for at in _WORKLOADS]
    (kind, name), (other_kind, other_name) = ((entries.text(f"{at}_type"), entries.text(f"{at}_name")) for at in places)
    kind, name = kind.but(~kind.known, other_kind), name.but(~name.known, other_name)
    return [kind.map(_kind), name, Texts.none(len(entries))]


def _kind(word: str) -> str:
    """Return a kind as Kubernetes writes it: STATEFUL_SET is StatefulSet."""
    return "".join(map(str.capitalize, word.split("_")))
