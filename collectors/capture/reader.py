"""Turns a buffer's records into a ring of packets, and keeps count of those that make no flow, source by source."""

from array import array

from collectors.capture import kernel, layout
from collectors.capture.decode import VXLAN_PORTS, new_scratch
from collectors.ledger import LedgerWriter
from collectors.memory import words

NO_TIME = 2**64 - 1
"""The time of a packet that has none."""
_SEEN = 1 << 16


class Reader:
    """What lies between one record and the next: the times so far, the ledger's counters, packets seen just now."""

    def __init__(self, *, outer: bool = False, vxlan_ports: tuple[int, int] = VXLAN_PORTS) -> None:
        self.state = words(layout.STATE_WORDS)
        self.scratch = new_scratch(outer=outer, vxlan_ports=vxlan_ports)
        self.seen = words(_SEEN * 3)
        self.state[layout.SEEN_MASK] = _SEEN // 4 - 1  # four packets in each place

    def begin_source(self) -> None:
        """Forget what was counted."""
        state = self.state
        for word in range(layout.COUNTS, layout.STATE_WORDS):
            state[word] = 0
        state[layout.PACKETS] = state[layout.UNTIMED] = state[layout.END] = state[layout.TIME] = 0
        state[layout.START] = NO_TIME

    def begin(self, at: int, faces: "array[int]") -> None:
        """Go on at some place of a buffer, with these interfaces."""
        self.state[layout.POSITION], self.state[layout.INTERFACES] = at, len(faces) // 4
        # more than one interface may show the same packet more than once
        self.state[layout.SEVERAL] = int(len(faces) > 4)

    def tell(self, source: str, ledger: LedgerWriter) -> tuple[int, int | None, int | None]:
        """Write the source's packets that made no flow into a ledger; return (packets, first, last time in ns)."""
        state = self.state
        for number, kind in enumerate(kernel.CLASSES):
            count = state[layout.COUNTS + number]
            first = layout.SAMPLES + 9 * number
            samples = [state[first + 3 * n : first + 3 * n + 3] for n in range(min(count, 3))]
            if count:
                told = [(position, f"link type {_link(link)}, {wire} bytes") for position, link, wire in samples]
                ledger.packets(source, kind, count, told)
        if untimed := state[layout.UNTIMED]:
            ledger.event(source, "untimed", 0, f"{untimed} packets carry no usable time", untimed)
        start = state[layout.START]
        return state[layout.PACKETS], *((None, None) if start == NO_TIME else (start, state[layout.END]))


def _link(link: int) -> int:
    return -1 if link > 0xFFFF else link
