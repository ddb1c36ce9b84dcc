"""Turns README.md and the pages under docs/ into the podfence commands that they tell, and the links that they have."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

# Behind the start of a line, a pipe, `&&` or `sudo`, never as a part of another name.
_CALL = re.compile(r"(?:^|[|&;]|\bsudo|\$\(command -v) *podfence\)? +(.*)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    """Return a page's path as a test is called by it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[str]:
    """Yield the lines of a page that stand in code blocks, fenced or indented, with continued lines joined."""
    text = page.read_text()
    fenced = "\n".join(_FENCE.findall(text))
    indented = "\n".join(line for line in _FENCE.sub("", text).splitlines() if line.startswith("    "))
    for line in re.sub(r"\\\n\s*", "", f"{fenced}\n{indented}").splitlines():
        yield line.strip()


def spans(page: Path) -> Iterator[str]:
    """Yield the code spans of a page's sentences and tables that begin with podfence, each less its first word."""
    text = re.sub(r"^    .*$", "", _FENCE.sub("", page.read_text()), flags=re.MULTILINE)
    for span in re.findall(r"`podfence ([^`]+)`", text):
        yield span.replace("\n", " ")


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of every podfence command in a page's code blocks."""
    for line in blocks(page):
        for call in _CALL.findall(line):
            yield words(call)


def words(call: str) -> list[str]:
    """Return the words of a call up to a pipe or the like; a synopsis is the longest command that it stands for."""
    lexer = shlex.shlex(re.sub(r"\.\.\.|[\[\]]", "", call), posix=True, punctuation_chars="|&;<>")
    lexer.commenters, lexer.whitespace_split = "#", True
    found = list(lexer)
    ends = (place for place, word in enumerate(found) if set(word) <= set("|&;<>"))
    return found[: next(ends, len(found))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> set[str]:
    """Return what a page's links and pictures lead to in this repository."""
    return {link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if not re.match(r"\w+:", link)}
