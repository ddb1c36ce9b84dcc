"""Text for the scanners: lines of JSON and tables, sound, odd and damaged."""

import json

from hypothesis import strategies as st

from collectors.formats.columns import Field, Kind
from collectors.formats.separated import Dialect, Stop

KINDS = list(Kind)

PATHS = [(), ("a",), ("b",), ("a", "b"), ("a", "b", "c"), ("longer than eight",), ("longer than eighteen",), ("é",)]
FIELDS = [Field(path, kind) for path in PATHS for kind in KINDS]
TIMES = [
    "2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00Z", "2024-02-29t23:59:60,5+01:30", "2026-03-01 10:00:00",
    "2026-02-29T10:00:00Z", "1969-12-31T23:59:59Z", "19x9-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2026-03-01T10:00",
    "2026-03-01T10:00:00.Z", "2026-03-01T10:00:00.1234567891Z", "2026-03-01T10:00:00-2360", "2026-03-01T10:00:00+1",
    "1970-01-01T00:30:00+01:00", "2026-13-01T10:00:00Z", "2026-04-31T10:00:00Z", "2026-12-31T24:00:00Z",
    "2026-12-31T23:59:61Z", "2099-12-31T23:59:59Z", "2026-12-31T23:60:00Z",
    "1772359200", "1772359200.5", "1772359200123", "1772359200123456.7", "1772359200123456789", "4611686018.427387904",
    "4611686018427387903", "4611686018427387904", "0", "00", "-1", "1.", ".5", "1e3", "99999999999", "100000000000",
    "1772359200.1234567891", "0.0000000001", "123456789012345678901",
]  # fmt: skip
NUMBERS = ["0", "-0", "-0.0", "1.9", "-1.9", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
           "007", "1e2", "1E-2", "12345678901234567.5", "+1", "1 ", "0x1", "1." + "1" * 31]  # fmt: skip
PLAIN = st.sampled_from(
    ["", "-", "x", "10.0.0.1", "a b", "true", "null", "é", "\U0001f600", "\u2028", "\x7f", *TIMES, *NUMBERS]
)
STRINGS = PLAIN | st.text(max_size=12)
NASTY = st.sampled_from([
    r'"\u00e9"', r'"\ud83d\ude00"', r'"\ud800"', r'"\u002d"', r'"\u0061"', r'"\""', r'"\x"', r'"\u12"', r'"\u00zz"',
    '"\t"', '"\x00"', '"', "tru", "nul", "True", "NaN", "-Infinity", "01", "1.", ".1", "-", "--1", "1e", "1e+", "+1",
    "{", "}", "[", "]", "[1,]", '{"a":1,}', '{"a"}', '{"a":}', "[}", "{]", "[1 2]", "{1:2}", "'a'", "/**/1", "",
    "[" * 70 + "]" * 70, "[" * 59 + "]" * 59, "9" * 30, "9" * 5000, '{"a":1,"a":{"b":2}}', '{ "b" : [ ] }', "[[],{}]",
])  # fmt: skip
NUMBER_TEXTS = st.sampled_from([text for text in TIMES + NUMBERS if not set(text) & set("TtZ: x")])
BLANKS = st.sampled_from(["", "", "", " ", "\t", "\r", "  \t", "\n", "\x0b", "\u00a0"])


def objects(values, *, odd=True):
    """Return objects whose keys are, mostly, wanted ones; in odd ones come twice, and what is no JSON."""
    keys = st.sampled_from(["a", "a", "b", "b", "c", "longer than eight", "longer than eighteen", "longer th", "é", ""])
    names = keys.map(lambda key: json.dumps(key, ensure_ascii=False))
    if not odd:
        pairs = st.tuples(names, values)
        return st.lists(pairs, max_size=4, unique_by=lambda pair: pair[0]).map(
            lambda made: "{" + ", ".join(map(":".join, made)) + "}"
        )
    names |= st.sampled_from([r'"\u0061"', '"a', "a", "1"])
    pairs = st.tuples(names, BLANKS, values, BLANKS).map(lambda of: f"{of[0]}:{of[1]}{of[2]}{of[3]}")
    return st.lists(pairs, max_size=4).map(lambda made: "{" + ",".join(made) + "}")


SCALARS = (
    STRINGS.map(json.dumps)
    | STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False))
    | NUMBER_TEXTS
    | st.sampled_from(["true", "false", "null"])
)
VALUES = st.recursive(
    SCALARS | SCALARS | NASTY,
    lambda inner: objects(inner) | st.lists(inner, max_size=3).map(lambda made: "[" + ",".join(made) + "]"),
    max_leaves=8,
)
SOUND = st.recursive(SCALARS, lambda inner: objects(inner, odd=False) | st.just("[1, {}]"), max_leaves=4)
DOCUMENTS = st.lists(
    objects(SOUND, odd=False) | objects(SOUND, odd=False) | objects(VALUES) | VALUES | BLANKS, max_size=5
).map("\n".join)
WANTED = st.lists(st.sampled_from(FIELDS), max_size=4, unique=True)
ENCODED = DOCUMENTS.map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def damaged(draw, texts):
    """Return texts of which some bytes were changed, lost or put in, or whose end was cut."""
    text = bytearray(draw(texts))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        byte = draw(st.sampled_from(b'"\\{}[],:\n\r\t 0-.eE\x00\x1f\x7f\x80\xc2\xe0\xed\xf4\xff') | st.integers(0, 255))
        if draw(st.booleans()):
            text[at : at + 1] = bytes([byte])
        else:
            text[at:at] = bytes([byte])
    return bytes(text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text)


JSON_EXAMPLES = (
    b"", b'{"a":1', b'{"a":"x"}\r\n\r\n \t\r\n{"a":"y"} \r', b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{"a":1}',
    b'{"a":"\xed\xa0\x80"}\n{"a":"\xc3\xa9"}\n{"a":"\xf4\x90\x80\x80"}\n{"a":"\xc0\x80"}\n{"x":"\xff"}',
    b'{"a":-0,"b":-0.5}\n{"a":"-0"}', b'{"a":[1, 2.50,"\\u00e9"]}\n{"a":[1,2.50,"\xc3\xa9"]}', b'{"a":1}\n{"a":"1"}\nx',
    b'{"a":{"x":"' + b"y" * 40 + b'"}}\n{"a":{"x":"' + b"y" * 40 + b'"}} \n{"a":{"x":"' + b"y" * 40 + b'"}x}\n',
    b'{"a":{"b":1},"a":2}', b'{"a":1,"a":null}\n{"a":1,"b":{"c":1},"b":1}',
    b'{"\\u0061":1}\n{"a\\"":1}\n[{"a":1}]\n"a"',
)  # fmt: skip


TOKENS = [
    *(bytes.fromhex(code).join((b'"', b'"')) for code in (
        "c3a9", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf", "c180", "c080", "80",
        "e08080", "e09fbf", "eda080", "edbfbf", "f0808080", "f08fbfbf", "f4908080", "f5808080", "ff", "c3", "e0a0",
        "f09080", "c341", "e0a041", "e04180", "f0908041", "f0904180", "f0418080", "7f", "1f", "00",
    )),
    b"1", b"-1", b"0", b"-0", b"1.5", b"1e5", b"1E+5", b"1e-5", b"-0.0", b"01", b"-01", b"00", b"1.",
    b"1.e5", b".5", b"-",
    b"1e", b"1e+", b"1e5.", b"+1", b"1a", b"0x1", b"9" * 999, b"9" * 1001, b"9" * 4301, b"1." + b"9" * 5000,
    b"true", b"false", b"null", b"tru", b"fals", b"nul", b"truex", b"True", b"NaN", b"Infinity",
    b'"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\""', b'"\\u00E9"', b'"\\x"', b'"\\u00g0"', b'"\\u123"', b'"\\',
    b'"\\"', b'"', b"''", b"",
    b"[]", b"{}", b"[ ]", b"{ }", b"[1]", b"[1,2]", b"[1, 2 ]", b"[1 2]", b"[1,]", b"[,1]", b"[,]", b"[1", b"[1}",
    b"[}", b"{]",
    b'{"y":1}', b'{"y" : 1 , "z":[{}]}', b'{"y":1,}', b'{,"y":1}', b'{"y" 1}', b'{"y":}', b'{"y"}',
    b'{"y":1 "z":2}', b"{1:2}",
    b'{"y":1]', b'{"y":[1}}', b'{"y":{"y":{}}}', b"[[[]]]", b"[[]", b"[]]",
    b"[" * 60 + b"]" * 60, b"[" * 61 + b"]" * 61,
    b'{"y":' * 60 + b"1" + b"}" * 60, b'{"y":' * 62 + b"1" + b"}" * 62,
]  # fmt: skip


def new_columns(text):
    """Return the columns that a header names; the records end where it says so."""
    if "end" in text:
        raise Stop
    return text.lstrip("#").replace("\t", " ").replace(",", " ").split()[1:]


DIALECTS = st.builds(
    Dialect,
    separator=st.sampled_from("\t ,;"),
    columns=st.sampled_from([(), ("a",), ("a", "b", "c"), ("a", "b", "a"), ("x", "é", "b", "longer")]),
    heads=st.sampled_from([frozenset(), frozenset({"head"}), frozenset({"head", "é", ""})]),
    comment=st.sampled_from(["", "#", "he", "é"]),
    header=st.just(new_columns),
    optional=st.integers(0, 3),
    quoted=st.booleans(),
)
COLUMNS = st.lists(
    st.sampled_from([Field((name,), kind) for name in ("a", "b", "c", "é", "none") for kind in KINDS]),
    max_size=4,
    unique=True,
)
CELLS = PLAIN | st.sampled_from(['"', '"x"', '"x""y"', 'x"y', "\r", "\x00", "\x0b", "\x85", "\u2028"])
ROWS = st.lists(CELLS, min_size=1, max_size=5) | st.just(["1", "2", "3"]) | st.lists(CELLS, min_size=3, max_size=3)
HEADS = st.sampled_from(
    ["head", "#", "# x", "#a b c", "head a b", "é", "header", "end", "#end", '"head"', "", " ", "\t"]
)


@st.composite
def tables(draw):
    """Return a dialect and text in it."""
    dialect = draw(DIALECTS)
    rows = draw(st.lists(ROWS | ROWS | st.tuples(HEADS, CELLS) | st.tuples(HEADS), max_size=6))
    ending = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = ending.join(dialect.separator.join(row) for row in rows)
    return dialect, draw(damaged(st.just(text.encode())))
