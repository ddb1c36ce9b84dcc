"""Running totals: what is added since the record before, summed, is the last total."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import netobserv
from collectors.formats.columns import Numbers, Texts
from collectors.formats.netobserv_totals import Totals
from tests.collectors.formats.reads import seen
from tests.collectors.formats.test_netobserv import back, conversation, counts, of, there

RECORDS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 3), st.booleans()), max_size=20)


def since(totals, records):
    keys, numbers, ends = zip(*records, strict=True)
    (found,) = totals.since(Texts.of(keys), np.array(ends), [Numbers.of(numbers)])
    return [int(value) if known else None for value, known in zip(found.values, found.known, strict=True)]


def running(records):
    """Return records whose numbers grow until their conversation ends."""
    sums, made = {}, []
    for key, number, end in records:
        sums[key] = sums.get(key, 0) + number
        made.append((key, sums[key], end))
        if end:
            sums[key] = 0
    return made


@given(RECORDS.filter(len))
def test_what_was_added_is_what_was_said_to_be_added(records):
    assert since(Totals(), running(records)) == [None if key is None else number for key, number, _ in records]


@given(RECORDS.filter(len), st.integers(1, 19))
def test_stretches_do_not_matter(records, at):
    whole = running(records)
    totals = Totals()
    parts = [since(totals, part) for part in (whole[:at], whole[at:]) if part]
    assert [value for part in parts for value in part] == since(Totals(), whole)


def test_the_conversation_longest_without_a_record_is_forgotten_first():
    totals = Totals(maximum=2)
    since(totals, [("a", 5, False), ("b", 5, False)])
    since(totals, [("a", 6, False), ("c", 5, False)])
    assert since(totals, [("a", 7, False), ("c", 6, False), ("b", 7, False)]) == [1, 1, 7]


def test_a_record_without_a_key_says_nothing():
    assert since(Totals(), [(None, 5, False)]) == [None]


def test_totals_of_a_conversation_count_once():
    rows = [conversation("newConnection", 2, 1), conversation("heartbeat", 8, 7), conversation("heartbeat", 8, 7)]
    assert counts(of(*rows)) == [1, 8, 7]
    assert counts(of(*rows, conversation("endConnection", 9, 8))) == [1, 9, 8]
    assert counts(of(*rows, conversation("endConnection", 9, 8), conversation("endConnection", 4, 4))) == [1, 13, 12]


def test_totals_that_begin_anew_are_taken_whole():
    assert counts(of(conversation("heartbeat", 8, 7), conversation("heartbeat", 3, 2))) == [1, 11, 9]


def test_totals_are_remembered_from_one_stretch_of_lines_to_the_next(monkeypatch):
    whole = "\n".join(json.dumps(conversation("heartbeat", sent, sent)) for sent in range(1, 40)).encode()
    monkeypatch.setattr("collectors.formats.lines.BLOCK", 1000)
    assert counts(seen(netobserv, whole)) == [1, 39, 39]


def test_totals_and_flows_of_one_conversation_count_once():
    flow = {"_RecordType": "flowLog", "_HashId": "a1"}
    assert counts(of(there(**flow), back(**flow), conversation("endConnection", 6, 5))) == [1, 6, 5]
