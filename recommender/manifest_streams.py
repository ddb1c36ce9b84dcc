"""Turns what Helm prints into the YAML documents in it: notes and headings blanked, every line where it was."""

import re
from dataclasses import dataclass

_SOURCE = re.compile(r"^# Source: ", re.MULTILINE)
_NOTES_FILE = re.compile(r"^# Source: .*NOTES\.txt\s*$")
_HEADING = re.compile(r"^(HOOKS|MANIFEST):\s*$")
_NOTES = re.compile(r"^NOTES:\s*$")
_BORDER = re.compile(r"^---(\s|$)")
_NAME = re.compile(r"^NAME: ")


@dataclass(frozen=True)
class Stream:
    """A text that holds nothing but documents, and how many parts for people were taken out of it."""

    text: str
    notes: int = 0


def documents_only(text: str) -> Stream:
    """Blank what `helm template` and `helm install --dry-run` print for people; any other text stays as it is.

    Lines keep their numbers, so that a fault names the line that the user sees.
    """
    if not _SOURCE.search(text):
        return Stream(text)
    kept: list[str] = []
    notes, inside, at_end, head = 0, False, False, bool(_NAME.match(text))
    for line in text.split("\n"):
        border = bool(_BORDER.match(line))
        head = head and not border
        inside = at_end or (inside and not border)
        if not inside and (_NOTES.match(line) or _NOTES_FILE.match(line)):
            notes, inside, at_end = notes + 1, True, bool(_NOTES.match(line))
        kept.append("" if head or inside or _HEADING.match(line) else line)
    return Stream("\n".join(kept), notes)
