import pandas as pd
import pytest

from collectors.errors import SchemaMismatch
from collectors.schema import Column, Schema

SCHEMA = Schema("s", (Column("n", "Int64", "a count"), Column("kind", "category", "a kind", vocabulary=("a", "b"))))


def test_empty_keeps_all_columns_and_dtypes():
    SCHEMA.check(SCHEMA.empty())
    assert SCHEMA.empty().empty


def test_conform_orders_casts_and_fills():
    frame = SCHEMA.conform(pd.DataFrame({"other": [1], "kind": ["a"]}))
    SCHEMA.check(frame)
    assert list(frame.columns) == ["n", "kind"]
    assert frame["n"].isna().all()


def test_conform_is_idempotent():
    frame = SCHEMA.conform(pd.DataFrame({"n": [1, None], "kind": ["a", None]}))
    pd.testing.assert_frame_equal(SCHEMA.conform(frame), frame)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(SchemaMismatch, match="n"):
        SCHEMA.conform(pd.DataFrame({"n": ["many"], "kind": ["a"]}))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"kind": ["a"]}),
        SCHEMA.empty().astype({"n": "float64"}),
        SCHEMA.conform(pd.DataFrame({"n": [1], "kind": ["c"]})),
    ],
)
def test_check_names_what_differs(frame):
    with pytest.raises(SchemaMismatch, match=r"^s: "):
        SCHEMA.check(frame)
