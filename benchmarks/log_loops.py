"""Turns a flow log into counters per connection, as podfence's scanner does it and as others would by hand.

    PYTHON -m benchmarks.log_loops podfence|orjson|json|pandas hubble|zeek|vpc FILE

A connection is both addresses and, of Hubble, both pods, the smaller port, the protocol and the verdict; counted are
its records, its first and its last time.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

Counters = dict[tuple[str, ...], list[Any]]
"""Connection -> records, first time, last time."""

_AT_ONCE = 1 << 18
"""Records that are grouped together, by podfence and by pandas."""
_HUBBLE = ("flow.IP.source", "flow.IP.destination", "flow.source", "flow.destination", "flow.verdict")
_LAYERS = ("TCP", "UDP")
_ZEEK = (("id.orig_h", "id.resp_h", "proto", "conn_state"), ("id.orig_p", "id.resp_p"), "ts")
_VPC = (("srcaddr", "dstaddr", "protocol", "action"), ("srcport", "dstport"), "start")


def hubble_by(loads: Callable[[bytes], Any], path: Path) -> Counters:
    """Read Hubble with a loop over what reads one line of JSON."""
    found: Counters = {}
    with path.open("rb") as file:
        for line in file:
            flow = loads(line)["flow"]
            ends, (protocol, layer) = flow["IP"], next(iter(flow["l4"].items()))
            source, destination = flow["source"], flow["destination"]
            key = (
                ends["source"], ends["destination"],
                f"{source['namespace']}/{source['pod_name']}", f"{destination['namespace']}/{destination['pod_name']}",
                flow["verdict"], protocol, str(min(layer["source_port"], layer["destination_port"])),
            )  # fmt: skip
            _add(found, key, 1, flow["time"], flow["time"])
    return found


def hubble_by_podfence(path: Path) -> Counters:
    """Read Hubble with our scanner."""
    from collectors.formats.columns import Field, Kind, Texts  # noqa: PLC0415
    from collectors.formats.json_lines import read_json  # noqa: PLC0415

    ends = [Field.of(name, Kind.RAW if name in _HUBBLE[2:4] else Kind.TEXT) for name in _HUBBLE]
    ports = {
        layer: [Field.of(f"flow.l4.{layer}.{end}_port", Kind.NUMBER) for end in ("source", "destination")]
        for layer in _LAYERS
    }
    time = Field.of("flow.time", Kind.TIME)
    found = _Grouping()
    with path.open("rb", buffering=0) as file:
        for columns in read_json(file, [*ends, *ports["TCP"], *ports["UDP"], time]):
            texts = [columns.texts(field) for field in ends]
            texts[2:4] = [text.map(_pod) for text in texts[2:4]]
            tcp, udp = ([columns.numbers(field) for field in ports[layer]] for layer in _LAYERS)
            protocol = Texts.all("UDP", len(columns)).but(tcp[0].known, Texts.all("TCP", len(columns)))
            both = [one.or_else(other) for one, other in zip(tcp, udp, strict=True)]
            found.add([*texts, protocol], both, columns.numbers(time))
    return found.count()


def separated_by_podfence(kind: str, path: Path) -> Counters:
    """Read separated values with our scanner."""
    from collectors.formats.columns import Field, Kind  # noqa: PLC0415
    from collectors.formats.separated import Dialect, read_separated  # noqa: PLC0415

    zeek = Dialect("\t", comment="#", header=lambda text: text.split("\t")[1:] if text.startswith("#fields") else None)
    vpc = Dialect(" ", heads=frozenset({"version"}), header=str.split)
    dialect, (names, ends, when) = (zeek, _ZEEK) if kind == "zeek" else (vpc, _VPC)
    texts, time = [Field((name,)) for name in names], Field((when,), Kind.TIME)
    ports = [Field((name,), Kind.NUMBER) for name in ends]
    found = _Grouping()
    with path.open("rb", buffering=0) as file:
        for columns in read_separated(file, [*texts, *ports, time], dialect):
            both = [columns.numbers(field) for field in ports]
            found.add([columns.texts(field) for field in texts], both, columns.numbers(time))
    return found.count()


def separated_by_pandas(kind: str, path: Path) -> Counters:
    """Read separated values with pandas' C engine, a few lines at a time, as bounded memory needs it."""
    import pandas as pd  # noqa: PLC0415

    names, ports, when = _ZEEK if kind == "zeek" else _VPC
    options: dict[str, Any] = {"sep": " "}
    if kind == "zeek":
        with path.open() as file:
            columns = next(line for line in file if line.startswith("#fields")).rstrip("\n").split("\t")[1:]
        options = {"sep": "\t", "comment": "#", "names": columns}
    found: Counters = {}
    types = dict.fromkeys(names, "category") | dict.fromkeys(ports, "int64") | {when: "float64"}
    with pd.read_csv(
        path, usecols=[*names, *ports, when], dtype=types, engine="c", chunksize=_AT_ONCE, na_filter=False, **options
    ) as chunks:
        for chunk in chunks:
            chunk["port"] = chunk[list(ports)].min(axis="columns")
            grouped = chunk.groupby([*names, "port"], observed=True)[when].agg(["size", "min", "max"])
            for key, count, first, last in grouped.itertuples(name=None):
                _add(found, tuple(map(str, key)), count, first, last)
    return found


@lru_cache(maxsize=1 << 14)
def _pod(text: str) -> str:
    end = json.loads(text)
    return f"{end['namespace']}/{end['pod_name']}"


class _Grouping:
    """Counts records some hundred thousand at a time: of their columns only numbers are kept until then."""

    def __init__(self) -> None:
        self.found: Counters = {}
        self._places: list[dict[str, int]] = []
        self._kept: list[list[Any]] = []
        self._rows = 0

    def add(self, texts: Sequence[Any], ports: Sequence[Any], times: Any) -> None:
        """Add the records of some columns."""
        import numpy as np  # noqa: PLC0415

        self._places = self._places or [{} for _ in texts]
        codes = []
        for text, places in zip(texts, self._places, strict=True):
            moved = [places.setdefault(value, len(places)) for value in text.values]  # noqa: PD011 - our own
            codes.append(np.array(moved, dtype=np.int32)[text.codes])
        port = np.minimum(*(numbers.values for numbers in ports)).astype(np.int32)  # noqa: PD011 - our own
        self._kept.append([*codes, port, times.values])  # noqa: PD011 - our own
        self._rows += len(port)
        if self._rows > _AT_ONCE:
            self.count()

    def count(self) -> Counters:
        """Count what was kept; return all counters."""
        import numpy as np  # noqa: PLC0415

        if not self._kept:
            return self.found
        *codes, port, time = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        key = port.astype(np.int64)
        for code, places in zip(codes, self._places, strict=True):
            key *= len(places)
            key += code
        order = np.argsort(key)
        begins = np.flatnonzero(np.diff(key[order], prepend=-1))
        one, counts = order[begins], np.diff(begins, append=len(order))
        first, last = (ufunc.reduceat(time[order], begins) for ufunc in (np.minimum, np.maximum))
        listed = [list(places) for places in self._places]
        columns = [[values[at] for at in code[one].tolist()] for values, code in zip(listed, codes, strict=True)]
        keys = zip(*columns, map(str, port[one].tolist()), strict=True)
        for of, *sums in zip(keys, counts.tolist(), first.tolist(), last.tolist(), strict=True):
            _add(self.found, of, *sums)
        self._kept, self._rows = [], 0
        return self.found


def _add(found: Counters, key: tuple[str, ...], count: int, first: Any, last: Any) -> None:
    known = found.get(key)
    if known is None:
        found[key] = [count, first, last]
        return
    known[0] += count
    known[1] = min(known[1], first)
    known[2] = max(known[2], last)


def main() -> None:
    """Run the command."""
    program, kind, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if program == "pandas":
        found = separated_by_pandas(kind, path)
    elif program == "podfence":
        found = hubble_by_podfence(path) if kind == "hubble" else separated_by_podfence(kind, path)
    elif program == "orjson":
        import orjson  # noqa: PLC0415

        found = hubble_by(orjson.loads, path)
    else:
        found = hubble_by(json.loads, path)
    counts = sorted((*key, str(count)) for key, (count, _, _) in found.items())
    digest = hashlib.sha256(repr(counts).encode()).hexdigest()
    records = sum(count for count, _, _ in found.values())
    print(json.dumps({"records": records, "connections": len(found), "digest": digest}))


if __name__ == "__main__":
    main()
