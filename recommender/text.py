"""Turns text that came from traffic or a cluster into text that a terminal cannot mistake for commands."""

import unicodedata
from collections.abc import Sequence

# Control characters, format characters (bidirectional overrides, zero width), surrogates, line and paragraph ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return the text with every character that a terminal would act on written as `<U+XXXX>`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(c):04X}>" if unicodedata.category(c) in _UNSAFE else c for c in text)


def cut(text: str, longest: int) -> str:
    """Return the text, with "…" in the place of what is too much."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def some(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are: "a, b and 3 more"."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
