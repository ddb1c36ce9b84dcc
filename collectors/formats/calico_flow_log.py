"""Turns flow logs of Calico Enterprise and Calico Cloud (JSON lines) into batches.

Format: https://docs.tigera.io/calico-enterprise/latest/observability/elastic/flow/datatypes; the file of a node, or
documents exported from Elasticsearch (`_source` in each). docs/formats/calico-flow-log.md says how it is switched on.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch
from collectors.formats.calico import End, FelixFlows, action_of, batch_of_flows
from collectors.formats.columns import Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.json_lines import read_json
from collectors.formats.sniffing import outline

NAME: Final = "calico-flow-log"

_FIELDS: Final = {
    "start_time": Kind.TIME, "end_time": Kind.TIME, "proto": Kind.TEXT, "action": Kind.TEXT, "reporter": Kind.TEXT,
    "policies": Kind.RAW, "host": Kind.TEXT, "dest_domains": Kind.RAW, "dest_service_port_num": Kind.NUMBER,
    **{f"{end}_{part}": Kind.TEXT for end in ("source", "dest")
       for part in ("ip", "name", "name_aggr", "namespace", "type")},
    **{f"{end}_labels": Kind.RAW for end in ("source", "dest")},
    **{f"{end}_port": Kind.NUMBER for end in ("source", "dest")},
    **{f"{what}_{way}": Kind.NUMBER for what in ("packets", "bytes") for way in ("in", "out")},
    "num_flows": Kind.NUMBER, "num_flows_started": Kind.NUMBER,
}  # fmt: skip
_AROUND: Final = ("", "_source.")
_OWN: Final = {"source_name_aggr", "dest_name_aggr", "reporter", "action"}


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is of these flow logs."""
    found = outline(head).keys()
    return any({f"{at}{name}" for name in _OWN} <= found for at in _AROUND)


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; where addresses are aggregated away, an end is a pod by the beginning of its name."""
    fields = [Field.of(at + name, kind) for at in _AROUND for name, kind in _FIELDS.items()]
    for columns in read_json(json_documents(stream), fields):
        flows = _flows(columns)
        names = _names(_texts(columns, "dest_domains"), flows.destination.address, flows.first)
        yield batch_of_flows(columns, flows, names)


def _texts(columns: Columns, name: str) -> Texts:
    bare, wrapped = (columns.texts(Field.of(at + name, _FIELDS[name])) for at in _AROUND)
    return bare.but(wrapped.known, wrapped) if wrapped.known.any() else bare


def _numbers(columns: Columns, name: str) -> Numbers:
    bare, wrapped = (columns.numbers(Field.of(at + name, _FIELDS[name])) for at in _AROUND)
    return bare.or_else(wrapped)


def _flows(columns: Columns) -> FelixFlows:
    reporter, node = _texts(columns, "reporter").map(str.lower), _texts(columns, "host")
    nowhere = Texts.none(len(columns))
    started, active = (_numbers(columns, name) for name in ("num_flows_started", "num_flows"))
    return FelixFlows(
        first=_numbers(columns, "start_time"),
        last=_numbers(columns, "end_time"),
        source=_end(columns, "source", node.but(~reporter.isin(("src",)), nowhere)),
        destination=_end(columns, "dest", node.but(~reporter.isin(("dst",)), nowhere)),
        src_port=_numbers(columns, "source_port"),
        dst_port=_numbers(columns, "dest_port"),
        service_port=_numbers(columns, "dest_service_port_num"),
        protocol=_texts(columns, "proto"),
        reporter=reporter,
        action=_texts(columns, "action").map(action_of),
        policies=_texts(columns, "policies"),
        packets_in=_numbers(columns, "packets_in"),
        packets_out=_numbers(columns, "packets_out"),
        bytes_in=_numbers(columns, "bytes_in"),
        bytes_out=_numbers(columns, "bytes_out"),
        started=started,
        active=np.maximum.reduce([np.ones(len(columns), dtype=np.int64), started.values, active.values]),
    )


def _end(columns: Columns, end: str, node: Texts) -> End:
    address, name, prefix, namespace, kind = (
        _texts(columns, f"{end}_{part}") for part in ("ip", "name", "name_aggr", "namespace", "type")
    )
    return End(
        address=address,
        namespace=namespace,
        name=name.but(~name.known, prefix),
        is_pod=kind.isin(("wep",)),
        labels=_texts(columns, f"{end}_labels"),
        # a node saw the pod at its address; those of an aggregated name may be anywhere
        node=node.but(~address.known, Texts.none(len(node))),
    )


def _names(domains: Texts, address: Texts, time: Numbers) -> Iterator[tuple[int, str, str]]:
    """Yield what DNS called each destination, as of the first record of the batch that says so."""
    made = np.flatnonzero(domains.known & address.known & time.known)
    _, firsts = np.unique(np.stack([domains.codes[made], address.codes[made]]), axis=1, return_index=True)
    for row in made[firsts].tolist():
        listed = json.loads(domains.at(row) or "null")
        for name in listed if isinstance(listed, list) else ():
            if isinstance(name, str) and name not in {"", "-"}:
                yield int(time.values[row]), address.at(row) or "", name
