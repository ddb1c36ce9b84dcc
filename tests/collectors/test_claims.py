"""What records claim of pods adds up, is bounded, and is kept by a store."""

import json

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from collectors import load, read_flows, save
from collectors.claims import CLAIMS, ClaimTable, compact_claims, concat_claims, conform_claims, empty_claims
from collectors.ledger import LedgerWriter
from tests.collectors.formats.samples import FOLDER

SECOND = 10**9
said = st.tuples(
    st.integers(0, 9),
    st.sampled_from(["10.0.0.1", "10.0.0.2", ""]),
    st.sampled_from([("shop", "web-1"), ("shop", "web-*"), ("data", "")]),
    st.sampled_from([None, (), (("app", "web"),), (("b", "2"), ("a", "1"))]),
)


def table(rows, source="log"):
    made = ClaimTable()
    for time, address, pod, labels in rows:
        made.add(time * SECOND, address, pod, labels)
    return made.finish(source)


@given(st.lists(said, max_size=8), st.data())
def test_claims_add_up_however_they_are_cut(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    parts = concat_claims([table(rows[:cut]), table(rows[cut:])])
    pd.testing.assert_frame_equal(compact_claims(parts).astype("object"), table(rows).astype("object"))


def test_no_claims_are_an_empty_frame_with_all_columns():
    for frame in (empty_claims(), table([]), compact_claims(empty_claims()), concat_claims([])):
        assert frame.empty
        assert list(frame.columns) == CLAIMS.names


def test_what_is_not_said_is_missing_and_no_labels_are_not_unknown_labels():
    frame = table([(0, "", ("shop", "web-*"), ()), (0, "10.0.0.1", ("shop", ""), None)])
    assert list(frame["address"].isna()) == [False, True]
    assert list(frame["labels"].isna()) == [True, False]
    assert frame["workload_kind"].isna().all()
    assert json.loads(frame["labels"].dropna().iloc[0]) == {}


def test_the_first_and_last_time_of_a_claim_are_kept():
    frame = table([(5, "10.0.0.1", ("shop", "a"), None), (2, "10.0.0.1", ("shop", "a"), None)])
    assert [frame[name].iloc[0].second for name in ("first_seen", "last_seen")] == [2, 5]


def test_claims_beyond_the_ceiling_are_counted():
    made = ClaimTable(maximum=1)
    for name in ("a", "b", "a", "c"):
        made.add(0, "10.0.0.1", ("shop", name), None)
    assert made.overflow == 2
    ledger = LedgerWriter()
    made.tell("a.log", ledger)
    assert ledger.ledger().event_counts() == {"name_evidence": 2}
    assert list(made.finish("log")["pod"]) == ["a"]


def test_a_store_keeps_claims_and_takes_a_source_once(tmp_path):
    seen = read_flows([FOLDER / "hubble.jsonl"])
    assert not seen.claims.empty
    save(seen, tmp_path / "store")
    save(seen, tmp_path / "store")
    held = load(tmp_path / "store")
    pd.testing.assert_frame_equal(held.claims.astype("object"), seen.claims.astype("object"))
    assert len(list((tmp_path / "store" / "claims").glob("*.parquet"))) == 1


def test_a_frame_of_claims_is_conformed():
    frame = conform_claims(pd.DataFrame({"namespace": ["shop"], "pod": ["a"], "source": ["log"]}))
    assert frame["address"].isna().all()
