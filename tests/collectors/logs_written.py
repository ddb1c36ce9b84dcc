"""A log as programs write and rotate it, one step at each look of its reader: no threads, and no time that passes."""

import os
import shutil
from itertools import count

CLOCK = count(10**18, 10**6)
"""When files were written: the file system's own clock stands still for milliseconds, in which nobody rotates twice."""


class Written:
    """The file of a log, and how it is rotated."""

    def __init__(self, path):
        self.path = path
        self.rotations = 0

    def write(self, text, path=None):
        """Append to the log, or to a file that was renamed."""
        path = path or self.path
        with path.open("ab") as stream:
            stream.write(text)
        time = next(CLOCK)
        os.utime(path, ns=(time, time))

    def rotated(self):
        """Return a new name, as logrotate gives it with dates."""
        self.rotations += 1
        return self.path.with_name(f"{self.path.name}-{20260000 + self.rotations}")

    def rename(self):
        """Rename the log, and return its new name."""
        name = self.rotated()
        self.path.rename(name)
        return name

    def copy_and_cut(self):
        """Copy the log and cut it, and return the name of the copy."""
        name = self.rotated()
        shutil.copy2(self.path, name)
        os.truncate(self.path, 0)
        return name


def stepping(steps):
    """Return what a reader asks whether to stop: each time the next step is done, and after the last one it is to."""
    waiting = iter(steps)

    def stopped():
        step = next(waiting, None)
        if step is not None:
            step()
        return step is None

    return stopped


def nothing():
    """Pass one look."""
