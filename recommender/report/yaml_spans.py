"""Turns YAML text that podfence wrote into the same text with spans for keys, values and comments."""

import re
from typing import Final

from recommender.report.markup import Html, join, tag

_LINE: Final = re.compile(
    r"""(?P<lead>\s*(?:- )*)(?P<key>(?:[\w./-]+|"(?:[^"\\]|\\.)*"|'[^']*'):(?=\s|$))?(?P<rest>.*)"""
)


def highlighted(text: str) -> Html:
    """Return the text, each line's key and value marked; whatever does not look like a key is left as it is."""
    return tag(
        "pre",
        tag("code", join([_line(line) for line in text.rstrip("\n").split("\n")], Html("\n"))),
        class_="yaml",
        tabindex=0,
    )


def _line(line: str) -> Html:
    found = _LINE.fullmatch(line)
    if found is None:
        return join([line])
    key, rest = found["key"], found["rest"]
    if key is None and rest.startswith("#"):
        return join([found["lead"], tag("span", rest, class_="comment")])
    return join([
        found["lead"],
        tag("span", key, class_="k") if key else None,
        tag("span", rest, class_="v") if rest else None,
    ])  # fmt: skip
