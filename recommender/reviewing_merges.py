"""Turns a text that git could not merge into one sentence that says where, and what to do."""

from collectors.errors import UnreadableInput

_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


def refuse_conflict_markers(text: str, where: str) -> None:
    """Raise UnreadableInput naming the line where git left both sides of a merge; nothing else begins a line so."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_MARKS):
            raise UnreadableInput(
                f"{where}, line {number}: git left both sides of a merge here; keep of each decision one whole entry "
                f"and remove the lines that begin with {_MARKS[0]}, {_MARKS[2]} and {_MARKS[3]}"
            )
