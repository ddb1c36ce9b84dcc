"""Turns text from anywhere into markup that can only be read as text: everything is escaped unless it is Html."""

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Final

VOID: Final = frozenset({"meta", "input", "br", "wbr"})
"""The elements used here that have no end tag."""


class Html(str):
    """Markup that is safe as it stands; joined with plain text by `+` or an f-string it is plain text again."""

    __slots__ = ()


Child = Html | str | int | None | Iterable["Child"]
Attribute = Html | str | int | float | bool | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return an element: text children and attribute values are escaped, None children and attributes are left out.

    `class_` becomes `class`, and underscores inside names become hyphens (`aria_label`).
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{head}>")
    return Html(f"<{name}{head}>{join(children)}</{name}>")


def join(children: Iterable[Child], between: Child = None) -> Html:
    """Return children one after the other, text among them escaped."""
    return Html(_render(between).join(_render(child) for child in children))


def plain(value: str) -> str:
    """Return text whose unseen characters are written out as U+XXXX, for attributes and where no element may stand."""
    if value.isascii() and value.isprintable():  # the quick way for nearly everything
        return value
    return "".join(f"[{_code(letter)}]" if _unseen(letter) else letter for letter in value)


def _render(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return _text(child)
    if isinstance(child, int):
        return str(child)
    return "".join(_render(item) for item in child)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    if isinstance(value, float):
        value = f"{value:.1f}".removesuffix(".0")
    # Html is escaped already; a quote in it would still end the attribute.
    text = value.replace('"', "&quot;") if isinstance(value, Html) else escape(plain(str(value)), quote=True)
    return f' {name}="{text}"'


def _text(value: str) -> str:
    if value.isascii() and value.isprintable():  # as above
        return escape(value, quote=True)
    return "".join(
        f'<span class="unseen">{_code(letter)}</span>' if _unseen(letter) else escape(letter, quote=True)
        for letter in value
    )


def _unseen(letter: str) -> bool:
    """Return whether nobody would see a character: controls, bidi overrides, odd spaces, piled-up marks, surrogates."""
    category = unicodedata.category(letter)
    return letter != " " and (category[0] in "CZ" or category in {"Mn", "Me"})


def _code(letter: str) -> str:
    return f"U+{ord(letter):04X}"
