"""Memory for the kernel is zero, grows with what it held, and is taken from the system only where it is written."""

import subprocess
import sys

import pytest

from collectors.memory import numbers, words


def test_words_are_zero_and_wide():
    table = words(5)
    assert list(table) == [0] * 5
    table[4] = 2**64 - 1
    assert table.tolist() == [0, 0, 0, 0, 2**64 - 1]
    assert len(words(0)) == 0


def test_a_larger_table_begins_with_the_smaller():
    table = words(3)
    table[:] = words(3)
    table[2] = 7
    assert words(6, table).tolist() == [0, 0, 7, 0, 0, 0]


def test_numbers_are_of_four_bytes():
    index = numbers(9)
    assert index.itemsize == 4
    assert index.tolist() == [0] * 9


ROOM = """
from collectors.memory import words

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

before = resident()
table = words(1 << 27)
table[0] = table[1 << 26] = 1
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts the resident pages of /proc/self/status")
def test_room_that_nobody_writes_to_costs_nothing():
    """1 GiB of it adds a few pages; `ru_maxrss` would begin with what the parent of the process held."""
    told = subprocess.run([sys.executable, "-c", ROOM], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 16 << 10
