"""Turns a size into memory of zeros that the kernel works in, taken from the system only as it is written."""

import mmap

_LARGE = 1 << 22
"""Bytes from which on large pages pay: one fault for 2 MiB instead of 512, and fewer misses on the way to memory."""


def words(count: int, content: "memoryview[int] | None" = None) -> "memoryview[int]":
    """Return unsigned 64-bit words, the first of them those of `content`; they begin a page."""
    memory = _memory(8 * count).cast("Q")[:count]
    if content is not None:
        memory[: len(content)] = content
    return memory


def numbers(count: int) -> "memoryview[int]":
    """Return unsigned 32-bit numbers."""
    return _memory(4 * count).cast("I")[:count]


def _memory(size: int) -> "memoryview[int]":
    memory = mmap.mmap(-1, max(size, mmap.PAGESIZE), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)
