"""The ledger is a sum: the order of adding, and a way over JSON, change nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from collectors.ledger import SAMPLES, Ledger, LedgerWriter

NOTES = st.lists(
    st.tuples(st.booleans(), st.sampled_from("xy"), st.sampled_from(["malformed", "truncated"]), st.integers(0, 99))
)


def ledger_of(notes):
    writer = LedgerWriter()
    for is_packet, source, kind, position in notes:
        (writer.packet if is_packet else writer.event)(source, kind, position, "text")
    return writer.ledger()


@given(NOTES, NOTES, NOTES)
def test_adding_is_associative_and_commutative(one, two, three):
    a, b, c = map(ledger_of, (one, two, three))
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Ledger() == Ledger() + a


@given(NOTES)
def test_every_packet_is_counted_and_events_are_counted_apart(notes):
    ledger = ledger_of(notes)
    assert ledger.packets_total() == sum(note[0] for note in notes) == sum(ledger.packet_counts().values())
    assert sum(ledger.event_counts().values()) == sum(not note[0] for note in notes)


@given(NOTES)
def test_a_ledger_survives_json(notes):
    ledger = ledger_of(notes)
    assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger


def test_a_few_samples_are_kept():
    ledger = ledger_of([(True, "x", "malformed", number) for number in range(50)])
    assert [sample.position for sample in ledger.samples("malformed")] == list(range(SAMPLES))
    assert ledger.without(["x"]) == Ledger()
