"""What a user says of a log's columns is a mapping, or one sentence that says what to correct."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.formats.mapping import OPTIONAL, OUTCOMES, REQUIRED, Mapping, columns_mapping, document_mapping

COLUMNS = {"time": "t", "src": "s", "dst": "d", "dst_port": "p", "protocol": "l4"}
TEXT = ",".join(f"{field}={column}" for field, column in COLUMNS.items())


def test_one_line_and_a_document_say_the_same():
    assert columns_mapping(TEXT) == document_mapping({"columns": COLUMNS})
    assert columns_mapping(f" {TEXT.replace(',', ' , ').replace('=', ' = ')},") == columns_mapping(TEXT)
    assert dict(columns_mapping(TEXT).columns) == COLUMNS


def test_every_setting_of_a_document_counts():
    document = {
        "columns": {**COLUMNS, "verdict": "action", "last": 7},
        "verdicts": {"KO": "denied", "Accept": "established", True: "allowed"},
        "one_of": 64, "source_began": True, "records": "items", "separator": ";",
    }  # fmt: skip
    found = document_mapping(document)
    words = dict(found.verdicts)
    assert (words["ko"], words["accept"], words["true"], words["blocked"]) == (
        "denied",
        "established",
        "allowed",
        "denied",
    )
    assert (found.one_of, found.source_began, found.records, found.separator) == (64, True, "items", ";")
    assert dict(found.columns)["last"] == "7"


def test_an_outcome_is_a_word_for_itself():
    assert {word: meaning for word, meaning in Mapping(()).verdicts if word in OUTCOMES} == dict(
        zip(OUTCOMES, OUTCOMES, strict=True)
    )


@pytest.mark.parametrize("field", REQUIRED)
def test_a_mapping_without_a_needed_field_names_it(field):
    columns = {name: column for name, column in COLUMNS.items() if name != field}
    with pytest.raises(UnreadableInput, match=f"no column is named for {field};"):
        document_mapping({"columns": columns})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("src", "'src' names no column"), ("=x", "'' is not one of the fields"),
        (f"{TEXT},colour=x", "'colour' is not one of"),
        ("src=", "names no column"), ("", "no column is named for time"), ("\x1b[31m\n=x", "is not one of the fields"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_one_sentence(text, says):
    with pytest.raises(UnreadableInput) as raised:
        columns_mapping(text)
    sentence = str(raised.value)
    assert says in sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "it has no `columns`"), ([], "it has no `columns`"), ({"columns": "src=x"}, "it has no `columns`"),
        ({"columns": COLUMNS, "colums": 1}, "'colums' is not one of the settings"),
        ({"columns": {**COLUMNS, "src": None}}, "'None' is no column"),
        ({"columns": {**COLUMNS, "src": True}}, "is no column"),
        ({"columns": {**COLUMNS, "src": ""}}, "is no column"),
        ({"columns": COLUMNS, "verdicts": ["x"]}, "no words and meanings"),
        ({"columns": COLUMNS, "verdicts": {"x": "dropped"}}, "'dropped' is no outcome"),
        ({"columns": COLUMNS, "one_of": 0}, "one_of is '0'"),
        ({"columns": COLUMNS, "one_of": True}, "one_of is 'True'"),
        ({"columns": COLUMNS, "source_began": "yes"}, "source_began is 'yes'"),
        ({"columns": COLUMNS, "separator": "\n"}, "the separator is ''"),
        ({"columns": COLUMNS, "separator": "::"}, "'::'"),
        ({"columns": COLUMNS, "records": None}, "is no column"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_used_is_one_sentence(document, says):
    with pytest.raises(UnreadableInput) as raised:
        document_mapping(document)
    assert says in str(raised.value)
    assert str(raised.value).count("\n") == 0


@given(st.dictionaries(st.sampled_from([*REQUIRED, *OPTIONAL]), st.text("abc", min_size=1, max_size=4)))
def test_any_columns_are_kept_in_one_order(columns):
    columns = {**COLUMNS, **columns}
    found = document_mapping({"columns": columns}).columns
    assert found == tuple(sorted(columns.items()))
    assert columns_mapping(",".join(f"{field}={column}" for field, column in columns.items())).columns == found


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.sampled_from(["columns", "verdicts", "one_of", "records", *REQUIRED])


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12))
def test_no_document_is_too_strange(document):
    with suppress(UnreadableInput):
        assert set(REQUIRED) <= dict(document_mapping(document).columns).keys()
