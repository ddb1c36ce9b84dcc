"""Turns access logs of Envoy and Istio (JSON) into batches: of each request the connection that is on the wire.

Format: https://istio.io/latest/docs/tasks/observability/logs/access-log/ (the default keys, which Envoy Gateway has
too) and https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage. docs/formats/envoy.md
says how it is switched on.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from collectors.addresses import canonical_ip
from collectors.errors import UnreadableInput
from collectors.formats.batch import Batch, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.evidence import Seen, evidence
from collectors.formats.heads import peek
from collectors.formats.json_lines import read_json
from collectors.formats.sniffing import outline

NAME: Final = "envoy"

_FIELDS: Final = {
    "start_time": Kind.TIME, "duration": Kind.NUMBER, "protocol": Kind.TEXT, "response_code": Kind.NUMBER,
    "response_flags": Kind.TEXT, "response_code_details": Kind.TEXT, "connection_termination_details": Kind.TEXT,
    "upstream_transport_failure_reason": Kind.TEXT, "bytes_sent": Kind.NUMBER, "upstream_cluster": Kind.TEXT,
    "requested_server_name": Kind.TEXT, "authority": Kind.TEXT, ":authority": Kind.TEXT,
    "upstream_host": Kind.TEXT, "upstream_local_address": Kind.TEXT, "downstream_local_address": Kind.TEXT,
    "downstream_remote_address": Kind.TEXT,
}  # fmt: skip
_SOCKET = re.compile(r"(?:\[([^\]]{1,100})\]|([0-9.]{1,15}))(?::(\d{1,5}))?", re.ASCII).fullmatch
_TEXT_LINE = re.compile(rb'^\[\d{4}-\d\d-\d\dT[^\]\n]{1,40}\] "', re.MULTILINE)
_OWN_PORTS: Final = (15001, 15006)
"""Where a sidecar listens for what iptables hands it, within the pod."""
_UNREACHED: Final = frozenset({"UF", "UH", "UO", "NR", "NC", "DF", "DPE", "NFCF", "LH"})
"""Response flags of what did not come to its destination."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is an access log of Envoy, as JSON, or as text, which `read` refuses."""
    at = 0 if head.lstrip()[:1] in {b"{", b"["} else head.find(b"\n{") + 1
    found = outline(head[at:]).keys()
    as_json = "downstream_remote_address" in found and bool({"upstream_host", "upstream_cluster"} & found)
    return as_json or _is_text(head)


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; a request that was sent nowhere, or through an internal listener, is `incomplete`.

    Raises UnreadableInput for the text form, whose columns a mesh may choose.
    """
    head, stream = peek(stream)
    if _is_text(head):
        raise UnreadableInput(
            "This is Envoy's access log as text, in which every column may mean something else: "
            "set meshConfig.accessLogEncoding to JSON and record again."
        )
    for columns in read_json(json_documents(stream), [_field(name) for name in _FIELDS]):
        yield _batch(columns)


def _is_text(head: bytes) -> bool:
    return _TEXT_LINE.search(head) is not None and b"\n{" not in head and not head.startswith(b"{")


def _field(name: str) -> Field:
    return Field((name,), _FIELDS[name])


class _Sockets:
    """A column of addresses with ports; `ip` is missing for pipes and Envoy's internal listeners."""

    def __init__(self, texts: Texts) -> None:
        self.text = texts
        self.ip = texts.map(lambda text: _socket(text)[0])
        ports = texts.each(lambda text: _socket(text)[1], -1)
        self.port = Numbers(np.maximum(ports, 0), ports >= 0)


def _socket(text: str) -> tuple[str | None, int]:
    """Return address and port of "10.0.0.1:80" or "[fd00::1]:80"; None and -1 where they are not there."""
    match = _SOCKET(text)
    if match is None:
        return None, -1
    six, four, port = match.groups()
    try:
        return canonical_ip(six or four), -1 if port is None else int(port)
    except ValueError:
        return None, -1


class _Requests:
    """What the columns say, and the wire's connection: client and server, each with address and port."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.host, self.near, self.local, self.remote = (
            _Sockets(self.text(name))
            for name in ("upstream_host", "upstream_local_address", "downstream_local_address",
                         "downstream_remote_address")
        )  # fmt: skip
        cluster = self.text("upstream_cluster")
        self.inbound = cluster.each(_is_inbound, missing=False)
        self.black_hole = cluster.isin(("BlackHoleCluster",))
        self.passthrough = cluster.isin(("PassthroughCluster",))
        self.service = cluster.map(_service_host)
        port = cluster.each(_cluster_port, -1)
        self.cluster_port = Numbers(np.maximum(port, 0), port >= 0)
        self.beside_client = self._is_beside_client()

    def text(self, name: str) -> Texts:
        return self._columns.texts(_field(name))

    def number(self, name: str) -> Numbers:
        return self._columns.numbers(_field(name))

    def _is_beside_client(self) -> Array:
        """Return where the proxy is a sidecar of the client: not where it is a gateway, with an address of its own."""
        asked = self.local.port.known & (self.local.port.values == self.cluster_port.values)
        likely = ~self.near.ip.known & (asked | self.passthrough | self.black_hole | ~self.local.ip.known)
        beside: Array = ~self.inbound & (_same(self.near.ip, self.remote.ip) | likely)
        return beside

    def source(self) -> tuple[Texts, Numbers]:
        """Return who opened the connection: the proxy's own socket, or who came to it.

        The port from which an application reaches its own sidecar is not on the wire.
        """
        at_remote = self.inbound | (self.beside_client & ~self.near.ip.known)
        return self.near.ip.but(at_remote, self.remote.ip), self.near.port.but(self.inbound, self.remote.port)

    def destination(self) -> tuple[Texts, Numbers]:
        here = self.inbound | self.black_hole
        return self.host.ip.but(here, self.local.ip), self.host.port.but(here, self.local.port)

    def service_ip(self) -> Texts:
        """Return the Service's address that a client beside its sidecar asked for."""
        asked = self.beside_client & self.service.known & ~_same(self.local.ip, self.host.ip)
        return Texts.none(len(asked)).but(asked, self.local.ip)


def _same(left: Texts, right: Texts) -> Array:
    same: Array = left.known & (left.codes == left.but(np.ones(len(left), dtype=bool), right).codes)
    return same


def _is_inbound(cluster: str) -> bool:
    return cluster.startswith(("inbound|", "InboundPassthroughCluster"))


def _cluster_port(cluster: str) -> int:
    parts = cluster.split("|")
    is_port = parts[0] == "outbound" and len(parts) == 4 and parts[1].isascii() and parts[1].isdigit()
    return int(parts[1]) if is_port and len(parts[1]) <= 5 else -1


def _cluster_host(cluster: str) -> str | None:
    return cluster.rpartition("|")[2] or None if _cluster_port(cluster) >= 0 else None


def _service_host(cluster: str) -> str | None:
    """Return the Service's name in `outbound|80|subset|cart.shop.svc.cluster.local`."""
    host = _cluster_host(cluster)
    return host if host and ".svc." in host else None


def _external_host(cluster: str) -> str | None:
    """Return the host of a ServiceEntry in `outbound|443||api.payments.example`."""
    host = _cluster_host(cluster)
    return _name(host) if host and ".svc." not in host else None


def _name(text: str) -> str | None:
    """Return the DNS name in a host, a host with port, or a TLS server name; not Istio's own, nor an address."""
    name = text if text.startswith("[") else text.partition(":")[0]
    is_name = "." in name and "*" not in name and not name.startswith(("[", "outbound_"))
    return name if is_name and _socket(name)[0] is None else None


def _batch(columns: Columns) -> Batch:
    requests = _Requests(columns)
    first, duration = requests.number("start_time"), requests.number("duration")
    lasted = np.clip(duration.values, 0, 1 << 40) * 10**6
    (source, src_port), (destination, dst_port) = requests.source(), requests.destination()
    quic = requests.inbound & requests.text("protocol").isin(("HTTP/3",))
    incomplete = ~source.known | ~destination.known | ~dst_port.known | np.isin(dst_port.values, _OWN_PORTS)
    # what is left out is shown in the ledger as it stands there
    asked = requests.host.text.but(~requests.host.text.known, requests.local.text)
    transport = Texts.all("TCP", len(columns)).but(quic, Texts.all("UDP", len(columns)))
    records = records_of(
        columns,
        first=first,
        last=Numbers(first.values + lasted, first.known),
        protocol=transport,
        src=source.but(incomplete, requests.remote.text),
        dst=destination.but(incomplete, asked),
        src_port=src_port,
        dst_port=dst_port,
        evidence=_evidence(requests),
        service_ip=requests.service_ip(),
        service_port=requests.cluster_port.where(requests.service.known),
        reporter=Texts.all("outbound", len(columns)).but(requests.inbound, Texts.all("inbound", len(columns))),
    )
    return batch_of(
        columns,
        records,
        {
            "other_record": ~requests.remote.text.known & ~requests.host.text.known,
            "incomplete": incomplete,
        },
        names=_names(requests, first),
    )


def _evidence(requests: _Requests) -> Array:
    flags, code = requests.text("response_flags"), requests.number("response_code")
    reasons = ("response_code_details", "connection_termination_details", "upstream_transport_failure_reason")
    details = [requests.text(name) for name in reasons]
    failed = flags.each(lambda text: not _UNREACHED.isdisjoint(text.split(",")), missing=False)
    denied = flags.each(lambda text: "UAEX" in text.split(","), missing=False) | requests.black_hole
    late = np.zeros(len(flags), dtype=bool)
    for detail in details:
        denied |= detail.each(lambda text: text.startswith("rbac_access_denied"), missing=False)
        late |= detail.each(lambda text: "timeout" in text, missing=False)
    answered = (code.values > 0) | (requests.number("bytes_sent").values > 0)
    reached = requests.inbound | requests.near.ip.known | (~flags.known & answered)
    return evidence(
        len(flags),
        (Seen.BEGAN, True),
        (Seen.DENIED, denied),
        (Seen.WORKED, reached & ~failed & ~denied),
        (Seen.REFUSED, failed & ~late),
        (Seen.UNANSWERED, failed & late),
    )


def _names(requests: _Requests, time: Numbers) -> Iterator[tuple[int, str, str]]:
    """Yield what was asked for at each address outside, as of the first record of the batch that says so."""
    authority = requests.text("authority").map(_name)
    authority = authority.but(~authority.known, requests.text(":authority").map(_name))
    server = requests.text("requested_server_name").map(_name)
    asked = authority.but(server.known, server)
    names = requests.text("upstream_cluster").map(_external_host).but(requests.passthrough, asked)
    address = requests.host.ip
    made = np.flatnonzero(names.known & address.known & time.known)
    _, firsts = np.unique(np.stack([names.codes[made], address.codes[made]]), axis=1, return_index=True)
    for row in made[firsts].tolist():
        yield int(time.values[row]), address.at(row) or "", names.at(row) or ""
