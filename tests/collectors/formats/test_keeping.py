"""Open connections of a log outlive their program: told in parts and taken up again, they give the same flows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.formats.fold import Fold
from collectors.formats.keeping import keep, kept
from collectors.formats.parts import PARTS
from collectors.formats.rows import Rows
from collectors.observation import compact, concat_flows
from tests.collectors.formats.hands import batch
from tests.collectors.formats.test_fold_reference import few, folded, listed, records

SOURCE = "a.log"


@st.composite
def in_order(draw):
    """Return records in the order of their times, in some stretches."""
    rows = sorted(draw(st.lists(records(few(draw)), max_size=12)), key=lambda row: row["first"])
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    return [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


def begun():
    fold = Fold(60)
    fold.begin_source(SOURCE)
    return fold


def oriented(flows):
    """Return flows but those whose destination is chosen by what else was seen in the same part."""
    return listed(compact(flows[flows["orientation"] != "unknown"]))


@settings(max_examples=100)
@given(in_order(), st.booleans())
def test_told_in_parts_and_taken_up_anew_a_log_gives_the_same_flows(stretches, again):
    fold, flows = begun(), []
    for rows in stretches:
        fold.add(batch(rows).records)
        flows.append(fold.settled())
        if again:
            content, fold = fold.kept(), begun()
            assert fold.restore(content)
    flows.append(fold.finish())
    whole = folded([(SOURCE, [row for rows in stretches for row in rows])])
    assert oriented(concat_flows(flows)) == oriented(whole)
    assert sum(map(len, flows)) >= len(whole)


@given(in_order())
def test_only_texts_of_open_connections_are_kept(stretches):
    fold = begun()
    for rows in stretches:
        fold.add(batch(rows).records)
        fold.settled()
        waiting, texts, _ = kept(fold.kept())
        used = {int(code) for name in ("protocol", "src", "dst") for code in waiting[name]}
        assert used <= {-1, *range(len(texts))}
    fold.finish()
    assert kept(fold.kept())[1] == []


@given(st.binary(max_size=100))
def test_bytes_that_are_none_are_not_believed(content):
    assert not begun().restore(content)


@pytest.mark.parametrize(("name", "value"), [("src", 2), ("dst_port", 65536), ("packets", -1), ("share", 0)])
def test_numbers_that_mean_nothing_are_not_believed(name, value):
    columns = {part: np.array([1 if part == "share" else 0], dtype=np.int64) for part in PARTS}
    assert begun().restore(keep(Rows.of(columns), ["10.0.0.1", "TCP"], 0))
    assert not begun().restore(keep(Rows.of({**columns, name: np.array([value])}), ["10.0.0.1", "TCP"], 0))
