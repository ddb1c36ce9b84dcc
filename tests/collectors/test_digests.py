import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.digests import digests

tables = st.lists(st.tuples(st.integers(-3, 3), st.integers(-(2**62), 2**62)), min_size=1, max_size=30)


@given(tables)
def test_rows_share_a_digest_where_they_are_alike_and_nowhere_else_by_chance(rows):
    columns = list(np.array(rows, dtype=np.int64).T)

    digest = digests(columns, len(rows)).tolist()

    assert len({*zip(digest, rows, strict=True)}) == len({*digest}) == len({*rows})


def test_rows_without_columns_are_alike():
    assert digests([], 3).tolist() == [0, 0, 0]


def test_narrow_numbers_have_the_digest_of_wide_ones():
    narrow = np.array([1, 2, 3], dtype=np.int8)

    assert (digests([narrow], 3) == digests([narrow.astype(np.int64)], 3)).all()
