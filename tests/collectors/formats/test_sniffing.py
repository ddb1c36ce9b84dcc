"""The outline of a JSON document is found however it is cut or wrapped."""

import json

from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.sniffing import lines, outline

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
documents = st.dictionaries(
    st.text("abc", min_size=1, max_size=2),
    st.recursive(scalars, lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)),
    max_size=4,
)


def paths(document, before=""):
    for key, value in document.items():
        yield f"{before}{key}"
        if isinstance(value, dict):
            yield from paths(value, f"{before}{key}.")


@given(documents, st.sampled_from([None, 2]))
def test_every_path_of_the_first_object_is_found(document, indent):
    text = json.dumps(document, indent=indent)
    assert set(outline(text.encode())) == set(paths(document))
    assert set(outline(f'{text}\n{{"other": 1}}'.encode())) == set(paths(document))
    assert set(outline(f'[{text}, {{"other": 1}}]'.encode())) == set(paths(document))


@given(documents, st.data())
def test_a_cut_head_gives_fewer_paths_and_no_other(document, data):
    text = json.dumps(document).encode()
    cut = text[: data.draw(st.integers(0, len(text)))]
    assert set(outline(cut)) <= set(paths(document))


@given(st.binary(max_size=50))
def test_anything_else_has_no_outline_or_a_harmless_one(head):
    found = outline(head)
    assert not found or head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def test_scalars_are_text_and_arrays_are_marked():
    assert outline(b'{"a":{"b":[{"c":1}]},"d":"x\\u0041","e":null}') == {
        "a": "", "a.b": "", "a.b[]": "", "a.b[].c": "1", "d": "xA", "e": "null",
    }  # fmt: skip


def test_lines_are_the_first_that_are_not_blank():
    assert lines(b"\xef\xbb\xbfa\r\n\n b\ncut") == ["a", " b"]
    assert lines(b"one") == ["one"]
    assert lines(b"\xff\xfe\n") == []
