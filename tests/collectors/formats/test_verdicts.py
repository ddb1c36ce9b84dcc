"""Who began a connection and what became of it, by what was seen of both sides."""

import pytest

from collectors.formats.evidence import Seen
from tests.collectors.formats.hands import flows, only, record

A, B = "10.0.0.1:40000", "10.0.0.2:8080"
SYN = Seen.OPENED | Seen.SYN | Seen.SHOWN
SYN_ACK = Seen.ANSWERED | Seen.SYN | Seen.SHOWN
DATA = Seen.CARRIED | Seen.SHOWN


def said(*records):
    row = only(flows([*records]))
    return row["src"], row["dst_port"], row["orientation"], row["outcome"]


def test_a_handshake_that_its_initiator_completed_is_established():
    seen = (record(A, B, SYN), record(B, A, SYN_ACK, 1), record(A, B, DATA, 2))
    assert said(*seen) == ("10.0.0.1", 8080, "handshake", "established")


def test_a_syn_that_was_answered_and_not_completed_is_half_open():
    assert said(record(A, B, SYN), record(B, A, SYN_ACK, 1))[3] == "half_open"
    reset = record(A, B, Seen.RESET | Seen.SHOWN, 2)
    assert said(record(A, B, SYN), record(B, A, SYN_ACK, 1), reset)[3] == "half_open"


def test_where_flags_are_added_up_a_syn_of_the_side_that_answers_is_its_answer():
    answered = record(B, A, Seen.SYN | Seen.CARRIED | Seen.SHOWN, 1)
    assert said(record(A, B, SYN | Seen.RESET), answered)[2:] == ("handshake", "half_open")


def test_a_syn_that_was_answered_by_a_reset_is_refused():
    assert said(record(A, B, SYN), record(B, A, Seen.RESET | Seen.SHOWN, 1))[3] == "refused"


def test_a_syn_alone_is_unanswered():
    assert said(record(A, B, SYN), record(A, B, SYN, 1), record(A, B, SYN, 3))[3] == "unanswered"


def test_the_answer_to_a_syn_tells_who_began_although_the_syn_was_not_seen():
    assert said(record(B, A, SYN_ACK), record(A, B, DATA, 1)) == ("10.0.0.1", 8080, "handshake", "established")


def test_a_reply_that_the_log_calls_so_is_turned_round():
    assert said(record(B, A, Seen.REPLIED)) == ("10.0.0.1", 8080, "reported", "unknown")


def test_tcp_that_begins_in_the_middle_has_no_initiator():
    """The side with the lower port stands as its destination; the first packet of the log may be any."""
    late = (record(B, A, DATA), record(A, B, DATA, 1))
    assert said(*late) == ("10.0.0.1", 8080, "unknown", "established")
    assert said(*late[:1]) == ("10.0.0.1", 8080, "unknown", "unknown")


def test_where_both_sides_show_a_syn_the_earlier_one_began():
    both = Seen.SYN | Seen.CARRIED | Seen.SHOWN
    assert said(record(A, B, both), record(B, A, both, 0.001)) == ("10.0.0.1", 8080, "paired", "established")
    assert said(record(A, B, both), record(B, A, both))[2] == "unknown"


def test_datagrams_are_paired_by_the_first_of_both_ways():
    asked, answered = record(A, "10.0.0.2:53", protocol="UDP"), record("10.0.0.2:53", A, at=1, protocol="UDP")
    assert said(asked, answered) == ("10.0.0.1", 53, "paired", "established")
    assert said(asked) == ("10.0.0.1", 53, "unknown", "unanswered")


def test_a_side_that_is_only_counted_did_not_come_later():
    counted = record(B, A, packets=4, bytes=400, reply_packets=5, reply_bytes=500, protocol="UDP")
    assert said(counted)[2:] == ("unknown", "established")


def test_what_a_log_doubts_is_not_reported():
    assert said(record(A, B, Seen.BEGAN | Seen.WORKED))[2] == "reported"
    assert said(record(A, B, Seen.BEGAN | Seen.WORKED | Seen.DOUBTED))[2] == "unknown"


@pytest.mark.parametrize("word", ["HALF_OPEN", "UNANSWERED", "REFUSED", "ALLOWED", "DENIED", "AUDITED"])
def test_what_the_log_says_of_a_failure_is_the_outcome(word):
    assert said(record(A, B, Seen.BEGAN | Seen[word]))[3] == word.lower()


def test_audited_counts_although_it_passed():
    seen = (record(A, B, SYN | Seen.AUDITED), record(B, A, SYN_ACK, 1), record(A, B, DATA, 2))
    assert said(*seen)[3] == "audited"


def test_a_drop_on_the_way_of_what_worked_is_no_denial():
    seen = (record(A, B, SYN), record(B, A, SYN_ACK, 1), record(A, B, DATA, 2), record(A, B, Seen.DENIED, 3))
    assert said(*seen)[3] == "established"
    assert said(record(A, B, SYN), record(A, B, SYN | Seen.DENIED, 1))[3] == "denied"


def test_an_answer_that_was_dropped_was_not_heard():
    udp = record(A, "10.0.0.2:53", Seen.SHOWN, protocol="UDP")
    assert said(udp, record("10.0.0.2:53", A, Seen.DENIED, 1, protocol="UDP"))[3] == "denied"


def test_allowed_is_less_than_what_packets_show():
    allowed = record(A, B, Seen.OPENED | Seen.ALLOWED)
    assert said(allowed)[3] == "allowed"
    assert said(allowed, record(A, B, SYN))[3] == "unanswered"
    assert said(allowed, record(B, A, SYN_ACK, 1), record(A, B, DATA, 2))[3] == "established"


def test_without_flags_packets_both_ways_beyond_any_refusal_worked():
    counted = {"packets": 6, "bytes": 900, "reply_packets": 5, "reply_bytes": 2000}
    assert said(record(A, B, Seen.BEGAN, **counted))[3] == "established"
    refused = {"packets": 3, "bytes": 180, "reply_packets": 3, "reply_bytes": 120}
    assert said(record(A, B, Seen.BEGAN, **refused))[3] == "unknown"
    assert said(record(A, B, Seen.BEGAN, packets=3, bytes=180, reply_packets=0, reply_bytes=0))[3] == "unanswered"


def test_a_direction_that_cannot_be_paired_is_not_turned_round():
    assert said(record("10.0.0.2", "10.0.0.1:40000", Seen.REPLIED)) == ("10.0.0.2", 40000, "unknown", "unknown")
