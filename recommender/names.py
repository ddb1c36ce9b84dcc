"""Turns names that were said of addresses into evidence of the communications with them."""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from collectors.names import Names
from recommender.communications import AddressPeer, Communication

MOST_NAMES = 5
"""Names that are kept of one address: a content network may have thousands."""


def with_names(communications: Iterable[Communication], names: Names) -> tuple[Communication, ...]:
    """Return the communications, those with an address that has no owner with what it was called until they ended.

    The names said most often come first, at most MOST_NAMES. They are evidence for a reader and decide nothing:
    whoever answers a question or begins a TLS session can say any name.
    """
    said = _said(names, {end.address for item in communications for end in _addresses(item)})
    return tuple(_named(item, said) for item in communications)


def _addresses(communication: Communication) -> list[AddressPeer]:
    return [end for end in (communication.src, communication.dst) if isinstance(end, AddressPeer)]


_Said = dict[str, list[tuple[int, str, pd.Timestamp | None]]]


def _said(names: Names, wanted: set[str]) -> _Said:
    """Return address -> (how often, name, first time) of each name, the most frequent first."""
    rows = names[names["address"].isin(wanted)]
    found: _Said = {}
    if rows.empty:
        return found
    plain = rows.assign(address=rows["address"].astype("str"), name=rows["name"].astype("str"))
    groups = plain.groupby(["address", "name"], sort=True)
    counts, firsts = groups["count"].sum(), groups["first_seen"].min()
    for (address, name), count, first in zip(counts.index, counts.tolist(), firsts.tolist(), strict=True):
        found.setdefault(address, []).append((int(count), name, None if pd.isna(first) else first))
    for listed in found.values():
        listed.sort(key=lambda entry: (-entry[0], entry[1]))
    return found


def _named(communication: Communication, said: _Said) -> Communication:
    last = communication.evidence.last_seen
    names = [
        name
        for end in _addresses(communication)
        for _, name, first in said.get(end.address, ())
        if first is None or first <= last
    ]
    if not names:
        return communication
    evidence = replace(communication.evidence, names=tuple(dict.fromkeys(names))[:MOST_NAMES])
    return replace(communication, evidence=evidence)
