"""Progress is one line of a terminal, and nothing elsewhere."""

import io
import sys

import pytest

from recommender.reading_progress import show_progress


class Terminal(io.StringIO):
    """What says that it is a terminal, and keeps what it gets."""

    def isatty(self):
        """Return yes."""
        return True


def test_the_line_is_written_anew_each_time_and_is_gone_at_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    show_progress(1, 3)
    show_progress(2, 3)
    assert terminal.getvalue() == "\r\x1b[2Kread 1 of 3 parts\r\x1b[2Kread 2 of 3 parts"
    show_progress(3, 3)
    assert terminal.getvalue().endswith("parts\r\x1b[2K")


def test_one_part_has_no_progress(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    show_progress(1, 1)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_where_nobody_looks_nothing_is_written(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    show_progress(1, 3)
    assert stream is None or stream.getvalue() == ""


def test_a_terminal_that_has_gone_does_not_end_the_reading(monkeypatch):
    class Gone(Terminal):
        def write(self, _text):
            """Fail."""
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    show_progress(1, 3)
