"""Turns the first bytes of a file into what tells its format: the outline of its first JSON object, its first lines."""

import json
import re
from collections.abc import Mapping
from itertools import islice

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_MOST = 20_000
"""Words that are looked at: the first object of any log has fewer."""


def outline(head: bytes) -> Mapping[str, str]:
    """Return the dotted paths of the first JSON object with their scalars as text, "" for objects and arrays.

    The object may be cut, stand in an array, or be spread over lines; elements of an array have `[]` in their path, and
    the first one counts. Empty where the head does not begin with an object or an array.
    """
    reader = _Outline()
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text[:1] in ("{", "["):
        for match in islice(_WORD.finditer(text), _MOST):
            if not reader.take(match.group()):
                break
    return {path: value for path, value in reader.found.items() if path}


class _Outline:
    """The paths met so far; where in the document the next word stands."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: list[tuple[str, bool]] = []
        """The path before every object and array that is open, and whether it is an array."""
        self._path = self._key = ""
        self._wants_key = False

    @property
    def _here(self) -> str:
        return f"{self._path}.{self._key}".strip(".") if self._key else self._path

    def take(self, word: str) -> bool:
        """Take the next word; return False at the end of the first object."""
        if word in {"{", "["}:
            self._begin(is_array=word == "[")
        elif word in {"}", "]"}:
            return self._end()
        elif word == ",":
            self._key, self._wants_key = "", bool(self._open) and not self._open[-1][1]
        elif word == ":":
            self._wants_key = False
        elif self._wants_key:
            self._key = _scalar(word)
        else:
            self.found.setdefault(self._here, _scalar(word))
        return True

    def _begin(self, *, is_array: bool) -> None:
        here = self._here
        self.found.setdefault(here, "")
        self._open.append((self._path, is_array))
        self._path = f"{here}[]" if is_array and here else here
        self._key, self._wants_key = "", not is_array

    def _end(self) -> bool:
        if not self._open:
            return False
        self._path, _ = self._open.pop()
        self._key, self._wants_key = "", False
        # the first object is over; of an array on top, its first element is
        return bool(self._open) and not (len(self._open) == 1 and self._open[0][1])


def _scalar(word: str) -> str:
    if not word.startswith('"'):
        return word
    try:
        return str(json.loads(word))
    except ValueError:
        return word.strip('"')


def lines(head: bytes, most: int = 20) -> list[str]:
    """Return the first lines that are not blank, without their ends; the last one may be cut. Empty if not UTF-8."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    whole = text[: text.rfind(b"\n") + 1] or text
    try:
        decoded = whole.decode()
    except UnicodeDecodeError:
        return []
    return [line for line in decoded.splitlines() if line.strip()][:most]
