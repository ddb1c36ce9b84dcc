import pandas as pd
import pytest

from collectors.errors import SchemaMismatch
from collectors.flows import COUNTERS, FLOWS, conform_flows, empty_flows


def test_no_flows_have_all_columns():
    FLOWS.check(empty_flows())
    FLOWS.check(conform_flows(pd.DataFrame()))


def test_counters_that_a_source_does_not_know_are_na_never_0():
    flows = conform_flows(pd.DataFrame({"src": ["10.0.0.1"], "packets": [3]}))
    assert int(flows["packets"][0]) == 3
    assert flows[[name for name in COUNTERS if name != "packets"]].isna().all(axis=None)


def test_words_outside_a_vocabulary_are_refused():
    with pytest.raises(SchemaMismatch, match="outcome"):
        conform_flows(pd.DataFrame({"outcome": ["fine"]}))
