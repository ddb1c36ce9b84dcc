"""Processes are begun before it is known what they do, as many as asked for, and end with their context."""

import multiprocessing

import pytest

from collectors.processes import made_ready


def test_processes_that_were_made_ready_end_unused():
    before = set(multiprocessing.active_children())
    with made_ready(2):
        assert len(set(multiprocessing.active_children()) - before) == 2
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize("workers", [0, 1])
def test_fewer_than_two_are_none(workers):
    with made_ready(workers) as ready:
        assert ready is None
