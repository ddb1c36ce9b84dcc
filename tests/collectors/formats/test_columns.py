"""Columns of texts and numbers do to every record what their names say, and no more."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.columns import Columns, Field, Kind, Numbers, Texts

TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "c", ""]), max_size=8)
NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=8)
PAIRS = st.lists(st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.sampled_from("bcd"), st.booleans()))


def listed(texts):
    return [texts.at(row) for row in range(len(texts))]


def known(numbers):
    assert not numbers.values[~numbers.known].any()
    return [int(n) if there else None for n, there in zip(numbers.values, numbers.known, strict=True)]


@given(TEXTS)
def test_texts_are_kept_each_value_once(texts):
    made = Texts.of(texts)
    assert listed(made) == texts
    assert sorted(made.values) == sorted({text for text in texts if text is not None})
    assert made.known.tolist() == [text is not None for text in texts]


@given(TEXTS)
def test_a_meaning_is_given_to_every_text_and_to_none_that_is_missing(texts):
    made = Texts.of(texts)
    meaning = {"a": "x", "b": "x", "c": None, "": "e"}
    assert listed(made.map(meaning.get)) == [meaning[text] if text is not None else None for text in texts]
    assert made.each(len, missing=-1).tolist() == [-1 if text is None else len(text) for text in texts]
    assert made.look_up({"a": 7}, 0).tolist() == [7 if text == "a" else 0 for text in texts]
    assert made.isin("ab").tolist() == [text in {"a", "b"} for text in texts]


@given(PAIRS)
def test_texts_of_another_column_stand_where_a_mask_holds(pairs):
    first, second, mask = (list(of) for of in zip(*pairs, strict=True)) if pairs else ([], [], [])
    where = np.array(mask, dtype=bool)
    found = Texts.of(first).but(where, Texts.of(second))
    assert listed(found) == [b if chosen else a for a, b, chosen in pairs]
    assert listed(found.take(where)) == [b for _, b, chosen in pairs if chosen]


@given(NUMBERS)
def test_numbers_are_kept_to_the_last_bit(numbers):
    made = Numbers.of(numbers)
    assert known(made) == numbers
    mask = np.arange(len(numbers)) % 2 == 0
    assert known(made.where(mask)) == [n if at % 2 == 0 else None for at, n in enumerate(numbers)]
    assert known(made.or_else(Numbers.all(5, len(numbers)))) == [5 if n is None else n for n in numbers]
    assert known(made.take(mask)) == numbers[::2]


def test_columns_of_one_value_or_none():
    assert listed(Texts.all("x", 2)) == ["x", "x"]
    assert listed(Texts.none(2)) == [None, None]
    assert known(Numbers.all(3, 2)) == [3, 3]
    assert known(Numbers.none(2)) == [None, None]


FIELDS = [Field(("a",)), Field(("b",), Kind.NUMBER), Field(("c",), Kind.PRESENT)]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["x", "y", None]), st.none() | st.integers(0, 9), st.booleans())
    )
)
def test_merged_columns_hold_the_records_of_both_by_number(records):
    parts = []
    for part in (0, 1):
        mine = [(number, list(values)) for number, (of, *values) in enumerate(records, 1) if of == part]
        bad = [(number, f"bad {part}") for number, (of, *_) in enumerate(records, 1) if of == 2 and number % 2 == part]
        parts.append(Columns.of(FIELDS, [n for n, _ in mine], [values for _, values in mine], bad))
    merged = parts[0].merged(parts[1])
    kept = [(number, values) for number, (of, *values) in enumerate(records, 1) if of < 2]
    assert merged.number.tolist() == [number for number, _ in kept]
    assert listed(merged.texts(FIELDS[0])) == [values[0] for _, values in kept]
    assert sorted(merged.texts(FIELDS[0]).values) == sorted({v[0] for _, v in kept} - {None})
    assert known(merged.numbers(FIELDS[1])) == [values[1] for _, values in kept]
    assert merged.present(FIELDS[2]).tolist() == [values[2] for _, values in kept]
    bad = [(number, f"bad {number % 2}") for number, (of, *_) in enumerate(records, 1) if of == 2]
    assert list(zip(merged.bad.numbers.tolist(), merged.bad.reasons, strict=True)) == bad


def test_a_path_with_dots_is_a_way_through_keys():
    assert Field.of("flow.IP.source", Kind.RAW) == Field(("flow", "IP", "source"), Kind.RAW)
