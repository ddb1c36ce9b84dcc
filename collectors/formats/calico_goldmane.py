"""Turns flows of Calico's Goldmane (JSON of its gRPC API) and Whisker (its REST API) into batches.

Format: https://github.com/projectcalico/calico/blob/master/goldmane/proto/api.proto as protojson, and
whisker-backend/pkg/apis/v1/flows.go; docs/formats/calico-goldmane.md says how to get it. No end has an address: a pod
is known by its namespace and the beginning of its name.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch
from collectors.formats.calico import End, FelixFlows, action_of, batch_of_flows
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.json_lines import read_json
from collectors.formats.sniffing import outline

NAME: Final = "calico-goldmane"

_POD, _UNSAID = ("WorkloadEndpoint", "1"), ("EndpointTypeUnspecified", "0")
_NETWORKS: Final = ("pub", "pvt", "PUBLIC NETWORK", "PRIVATE NETWORK")
_REPORTERS: Final = {"Src": "src", "1": "src", "Dst": "dst", "2": "dst"}
_KEY: Final = {
    **{f"{end}_{part}": Kind.TEXT for end in ("source", "dest") for part in ("name", "namespace", "type")},
    "dest_port": Kind.NUMBER, "dest_service_port": Kind.NUMBER, "proto": Kind.TEXT, "reporter": Kind.TEXT,
    "action": Kind.TEXT, "policies": Kind.RAW,
}  # fmt: skip
"""What FlowKey has, by its names in the .proto file."""
_DATA: Final = {
    "start_time": Kind.TIME, "end_time": Kind.TIME,
    **{f"{end}_{part}": Kind.RAW for end in ("source", "dest") for part in ("labels", "ips")},
    **{f"{what}_{way}": Kind.NUMBER for what in ("packets", "bytes") for way in ("in", "out")},
    **{f"num_connections_{what}": Kind.NUMBER for what in ("started", "completed", "live")},
}  # fmt: skip
_AROUND: Final = ("flow.", "")
_WHISKER: Final = {"source_name", "dest_name", "reporter", "protocol", "packets_in"}


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of Goldmane's flows (a `Key` in each) or of Whisker's (flat)."""
    found = outline(head).keys()
    keys = {f"{at}Key.{name}" for at in ("", "flow.", "flows[].flow.") for name in ("sourceName", "source_name")}
    flat = any({f"{at}{name}" for name in _WHISKER} <= found for at in ("", "items[]."))
    return bool(keys & found) or (flat and "source_name_aggr" not in found)


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; what flows with a network, a host or a network set have no end to name, `no_end`."""
    fields = [field for name in (*_KEY, *_DATA) for field in _fields(name)]
    for columns in read_json(json_documents(stream, ("items", "flows")), [*fields, *_PROTOCOL]):
        yield batch_of_flows(columns, _flows(columns))


_PROTOCOL: Final = (Field.of("protocol"),)
"""Whisker's word for `proto`."""


def _fields(name: str) -> list[Field]:
    """Return the places of a field: within `flow` or bare, of its key or beside it, in either spelling."""
    first, *rest = name.split("_")
    camel = first + "".join(part.capitalize() for part in rest)
    if name in _DATA:
        return [Field.of(at + spelt, _DATA[name]) for at in _AROUND for spelt in dict.fromkeys((camel, name))]
    keyed = [Field.of(f"{at}Key.{spelt}", _KEY[name]) for at in _AROUND for spelt in dict.fromkeys((camel, name))]
    return [*keyed, Field.of(name, _KEY[name])]


def _texts(columns: Columns, name: str) -> Texts:
    found = Texts.none(len(columns))
    for field in _fields(name):
        here = columns.texts(field)
        if here.known.any():
            found = found.but(here.known, here)
    return found


def _numbers(columns: Columns, name: str) -> Numbers:
    found = Numbers.none(len(columns))
    for field in _fields(name):
        found = found.or_else(columns.numbers(field))
    return found


def _flows(columns: Columns) -> FelixFlows:
    proto = _texts(columns, "proto")
    # protojson leaves out what is 0
    counts = {
        name: _numbers(columns, name).or_else(Numbers.all(0, len(columns)))
        for name in ("packets_in", "packets_out", "bytes_in", "bytes_out")
    }
    open_ones = [_numbers(columns, f"num_connections_{what}").values for what in ("started", "completed", "live")]
    return FelixFlows(
        first=_numbers(columns, "start_time"),
        last=_numbers(columns, "end_time"),
        source=_end(columns, "source"),
        destination=_end(columns, "dest"),
        src_port=Numbers.none(len(columns)),
        dst_port=_numbers(columns, "dest_port"),
        service_port=_numbers(columns, "dest_service_port"),
        protocol=proto.but(~proto.known, columns.texts(_PROTOCOL[0])),
        reporter=_texts(columns, "reporter").map(_REPORTERS.get),
        action=_texts(columns, "action").map(action_of),
        policies=_texts(columns, "policies"),
        started=_numbers(columns, "num_connections_started"),
        active=np.maximum.reduce([np.ones(len(columns), dtype=np.int64), *open_ones]),
        **counts,
    )


def _end(columns: Columns, end: str) -> End:
    name, namespace, kind = (_texts(columns, f"{end}_{part}") for part in ("name", "namespace", "type"))
    is_pod = _is_pod(name, namespace, kind)
    only = _texts(columns, f"{end}_ips").map(_only_address)
    return End(
        address=only.but(is_pod, Texts.none(len(columns))),
        namespace=namespace,
        name=name,
        is_pod=is_pod,
        labels=_texts(columns, f"{end}_labels"),
        node=Texts.none(len(columns)),
    )


def _is_pod(name: Texts, namespace: Texts, kind: Texts) -> Array:
    """Return where an end is a pod: by its type, else by a namespace and a name that is no network's."""
    typed = kind.known & ~kind.isin(_UNSAID)
    named = namespace.known & ~namespace.isin(("Global",)) & ~name.isin(_NETWORKS)
    return np.where(typed, kind.isin(_POD), named)


def _only_address(raw: str) -> str | None:
    """Return the address of a network that has just one: of several, none is told from the others."""
    found = json.loads(raw)
    return found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], str) else None
