"""Turns text into whether YAML must quote it, and plain scalars into what kubectl takes them for.

YAML 1.1, YAML 1.2 and kubectl's own reader disagree about `y`, `010`, `1e3`, `0o17` and `1:30`. What is written here
is quoted wherever any of them would see something other than text; what is read here is read as kubectl reads it
(https://github.com/kubernetes-sigs/yaml), because its answer is the one that reaches the cluster.
"""

import re

_NOT_TEXT = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./+(), -]*[A-Za-z0-9_./+)-])?")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?")

_BOOLEANS = {
    form: truth
    for words, truth in ((("y", "yes", "on", "true"), True), (("n", "no", "off", "false"), False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOATS = {
    sign + form: value
    for word, number in ((".inf", "inf"), (".nan", "nan"))
    for form in (word, word[0] + word[1:].capitalize(), word.upper())
    for sign, value in (("", float(number)), ("+", float(number)), ("-", float("-" + number)))
}
_LONGEST_INTEGER = 20  # digits of 2**64; longer is a float to kubectl

Scalar = str | int | float | bool | None


def is_plain(text: str) -> bool:
    """Return whether no reader of YAML, of whatever version, can take the bare text for anything but that text."""
    return bool(_IPV4.fullmatch(text) or (_PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT))


def resolve(plain: str) -> Scalar:
    """Say what an unquoted scalar is to kubectl: a boolean, null, a number, or else text.

    Dates and `1:30` are text, `010` is 8, `08` is 8.0 and `y` is true, as in kubectl 1.37.
    """
    if plain in _NULLS:
        return None
    if plain in _BOOLEANS:
        return _BOOLEANS[plain]
    if plain[0] not in "+-.0123456789":
        return plain
    if plain in _SPECIAL_FLOATS:
        return _SPECIAL_FLOATS[plain]
    bare = plain.replace("_", "") if plain[0] != "." else plain
    if _INTEGER.fullmatch(bare) and len(bare) <= _LONGEST_INTEGER + 2:
        return _integer(bare)
    if _FLOAT.fullmatch(bare):
        value = float(bare)
        return plain if value in {float("inf"), float("-inf")} else value
    return plain


def _integer(text: str) -> int:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").lower()
    if digits.startswith("0") and digits.isdecimal():
        return sign * int(digits, 8)
    return sign * int(digits, 0)
