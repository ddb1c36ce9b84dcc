"""Turns open conversations into bytes and back, so that learning goes on after a restart as if there had been none.

What comes back is checked before the compiled kernel follows a number of it: a store may come from another machine.
"""

import hashlib
import inspect
import struct

import numpy as np
import zstandard

from collectors.capture import layout

_MAGIC = b"podfence/open 1\n"
_HEAD = struct.Struct("<16sQQ")
_MOST = 1 << 32
"""Bytes of open conversations beyond which nothing is believed."""
_MOST_WAITING = 62
"""Pieces of one conversation that may wait, as `kernel` counts on."""
_SOURCE, _NEXT = 8, 9  # words of a piece

Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]


def keep(conversations: "memoryview[int]", pieces: "memoryview[int]") -> bytes:
    """Return the words of conversations and of their pieces as compressed bytes with a checksum."""
    head = _HEAD.pack(_version(), len(conversations), len(pieces))
    content = b"".join((_MAGIC, head, conversations, pieces))
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(content)


def kept(content: bytes) -> tuple[Words, Words, int] | None:
    """Return what `keep` was given, and the first free piece; None if it is damaged or of another version.

    All pieces are of the first source.
    """
    try:
        content = zstandard.ZstdDecompressor().decompress(content, max_output_size=_MOST)
        version, count, pieced = _HEAD.unpack_from(content.removeprefix(_MAGIC))
        words = np.frombuffer(content, dtype=np.uint64, offset=len(_MAGIC) + _HEAD.size).copy()
    except (zstandard.ZstdError, struct.error, ValueError, MemoryError):
        return None
    if not content.startswith(_MAGIC) or version != _version() or len(words) != count + pieced:
        return None
    if count % layout.CONVERSATION_WORDS or pieced % layout.PIECE_WORDS:
        return None
    conversations = words[:count].reshape(-1, layout.CONVERSATION_WORDS)
    pieces = words[count:].reshape(-1, layout.PIECE_WORDS)
    used = _used(conversations, pieces)
    if used is None:
        return None
    free = np.flatnonzero(~used) + 1
    pieces[free - 1, _NEXT] = np.append(free[1:], 0)[: len(free)]
    pieces[:, _SOURCE] = 0
    return words[:count], words[count:], int(free[0]) if len(free) else 0


def _used(conversations: Words, pieces: Words) -> "np.ndarray[tuple[int], np.dtype[np.bool_]] | None":
    """Return which pieces wait for a conversation; None unless each waits for one, in a chain that ends."""
    used = np.zeros(len(pieces), dtype=bool)
    at = conversations[:, layout.WAITING]
    for _ in range(_MOST_WAITING + 1):
        at = at[at != 0]
        if not len(at):
            return used
        if int(at.max()) > len(pieces):
            return None
        places = at.astype(np.int64) - 1
        if len(np.unique(places)) != len(places) or used[places].any():
            return None
        used[places] = True
        at = pieces[places, _NEXT]
    return None


def _version() -> bytes:
    """Return what changes when the words mean something else."""
    return hashlib.sha256(inspect.getsource(layout).encode()).digest()[:16]
