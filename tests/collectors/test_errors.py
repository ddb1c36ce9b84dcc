"""What somebody else says of a fault becomes part of one sentence."""

import errno

import pytest

from collectors.errors import PodfenceError, one_line, reason_of, writing


def test_text_of_others_is_in_one_line_and_not_too_long():
    assert one_line("a\n  b\t\x0bc") == "a b c"
    assert one_line("x" * 300) == "x" * 200


def test_a_reason_names_neither_path_nor_number():
    assert reason_of(OSError(errno.ENOSPC, "No space left on device", "/secret")) == "no space left on device"
    assert reason_of(OSError("AF_UNIX path too long")) == "af_unix path too long"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    expected = r"gone cannot be written \(no such file or directory\): name another folder\.$"
    with pytest.raises(PodfenceError, match=expected) as raised, writing(tmp_path / "gone"):
        tmp_path.joinpath("gone", "file").touch()
    assert isinstance(raised.value.__cause__, FileNotFoundError)


def test_other_faults_are_not_of_writing(tmp_path):
    with pytest.raises(ValueError, match="other"), writing(tmp_path):
        raise ValueError("other")
