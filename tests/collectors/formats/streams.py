"""Streams as the system gives them: in pieces of any size."""

import io


class Dribble(io.RawIOBase):
    """A stream that gives at most `piece` bytes at a time."""

    def __init__(self, content, piece):
        self._content = io.BytesIO(content)
        self._piece = piece

    def readable(self):
        """Return yes."""
        return True

    def readinto(self, buffer):
        """Fill a part of the buffer."""
        part = self._content.read(min(len(buffer), self._piece))
        buffer[: len(part)] = part
        return len(part)
