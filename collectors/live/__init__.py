"""Turns live interfaces of a Linux machine into packets for the capture kernel: filter, rings, changing interfaces.

`Live` is the whole of it. Its records are form 3 of `collectors.capture.kernel.read`:
`conversations.consume(records, 0, len(records), 3, False, 0, live.faces)`.
"""

from collectors.live.changes import Change
from collectors.live.filter import SNAP
from collectors.live.live import Live
from collectors.live.ring import RING_BYTES

__all__ = ["RING_BYTES", "SNAP", "Change", "Live"]
