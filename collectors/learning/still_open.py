"""Turns what is open at the end of an interval into bytes of a learning store, and back into what it comes to."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from collectors.capture import Conversations
from collectors.flows import Flows, empty_flows
from collectors.formats.fold import Fold
from collectors.observation import Observation, compact, concat_flows

_VERSION = 1


@dataclass(frozen=True)
class StillOpen:
    """The open conversations of a feed of packets, or connections of a log, and where in its input it stands.

    `filtered`: packets that no policy needs were not seen, so that sums of packets and bytes of TCP say nothing.
    """

    of: Literal["packets", "log"]
    name: str
    content: bytes
    filtered: bool = False
    position: str = ""
    """What `following` goes on from, as JSON; empty for what cannot go back."""

    def to_bytes(self) -> bytes:
        """Return all of it as bytes."""
        told = {"version": _VERSION, "of": self.of, "name": self.name, "filtered": self.filtered}
        return json.dumps({**told, "position": self.position}, sort_keys=True).encode() + b"\n" + self.content

    @staticmethod
    def from_bytes(content: bytes) -> "StillOpen | None":
        """Return what `to_bytes` wrote; None if it is damaged or of another version."""
        head, _, rest = content.partition(b"\n")
        try:
            told = json.loads(head)
            found = StillOpen(told["of"], told["name"], rest, told["filtered"], told["position"])
        except (ValueError, TypeError, KeyError):
            return None
        sound = found.of in {"packets", "log"} and isinstance(found.name, str) and isinstance(found.position, str)
        return found if sound and told.get("version") == _VERSION else None

    @property
    def key(self) -> str:
        """What tells feeds of one learner apart."""
        return f"{self.of} {self.name}"


def read_open(stored: Mapping[str, bytes]) -> dict[str, StillOpen]:
    """Return what a store holds open, by key; what is damaged or of another version is left out."""
    found = (StillOpen.from_bytes(content) for content in stored.values())
    return {one.key: one for one in found if one is not None}


def stored(kept: Iterable[StillOpen]) -> dict[str, bytes]:
    """Return what is open by the name of its file."""
    return {f"{at}": one.to_bytes() for at, one in enumerate(sorted(kept, key=lambda one: one.key))}


def concluded(still_open: Mapping[str, bytes]) -> Observation:
    """Return what is open as if nothing came after it."""
    return Observation(compact(concat_flows(_flows(one) for _, one in sorted(read_open(still_open).items()))))


def _flows(one: StillOpen) -> Flows:
    counted: Conversations | Fold = Conversations() if one.of == "packets" else Fold()
    counted.begin_source(one.name)
    if not counted.restore(one.content):
        return empty_flows()
    flows = counted.finish()
    return without_sums(flows) if one.filtered else flows


def without_sums(flows: Flows) -> Flows:
    """Return flows that do not say how many packets and bytes streams had: most of these were not looked at."""
    streams = flows["protocol"].isin(["TCP", "SCTP"])
    sums = ("packets", "bytes", "reply_packets", "reply_bytes")
    return Flows(flows.assign(**{name: flows[name].mask(streams) for name in sums}))
