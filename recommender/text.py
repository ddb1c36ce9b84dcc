"""Turns text that came from traffic or a cluster into text that a terminal cannot mistake for commands."""

import unicodedata

# Control characters, format characters (bidirectional overrides, zero width), surrogates, line and paragraph ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return the text with every character that a terminal would act on written as `<U+XXXX>`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"<U+{ord(c):04X}>" if unicodedata.category(c) in _UNSAFE else c for c in text)
