"""A learner's state as a status line, as JSON events, and as Prometheus reads it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.learning import Interval
from recommender.learning_judge import Judgement
from recommender.learning_progress import Counting, Progress
from recommender.learning_words import interval_event, judgement_event, judgement_text, metrics_text, status_line
from tests.collectors.learned import interval, time

HOSTILE = "a\x1b[31m\n\r\u202eb" + "x" * 5000
JUDGED = Judgement("learning", (("learning", 2), ("stabilising", 0), ("stable", 5)), 9, 8, 3, "seen once")
PROGRESS = Progress(time(0), time(90), 90, 12345, 700, 90, 106, 7, 4, 2, "", JUDGED)

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(
    rf'({_NAME})(?:\{{({_NAME}="(?:[^"\\\n]|\\[\\n"])*"(?:,{_NAME}="(?:[^"\\\n]|\\[\\n"])*")*)\}})? (\S+)'
)


def exposed(text):
    """Return metric -> (type, labels -> value), by the rules of Prometheus' text format 0.0.4."""
    assert text.endswith("\n")
    found, current, helped = {}, None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert re.fullmatch(_NAME, name)
            assert re.fullmatch(r"(?:[^\\]|\\[\\n])+", words)
            assert name not in helped, "one HELP for each"
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in {"counter", "gauge", "histogram", "summary", "untyped"}
            assert name not in found, "one TYPE for each, before its samples"
            found[name], current = (kind, {}), name
        else:
            name, labels, value = _SAMPLE.fullmatch(line).groups()
            assert name == current, "all lines of a metric are one group"
            assert labels not in found[name][1], "each combination of labels once"
            found[name][1][labels] = float(value)
    assert helped == set(found)
    return found


def test_metrics_are_what_prometheus_reads():
    found = exposed(metrics_text(PROGRESS))
    assert found["podfence_packets_total"] == ("counter", {None: 12345})
    assert found["podfence_dropped_total"] == ("counter", {None: 4})
    assert found["podfence_known_connections"] == ("gauge", {None: 106})
    assert found["podfence_last_interval_seconds"] == ("gauge", {None: time(90).timestamp()})
    assert found["podfence_workloads"][1] == {
        'verdict="learning"': 2, 'verdict="stabilising"': 0, 'verdict="stable"': 5,
    }  # fmt: skip


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.text(max_size=9), st.booleans())
def test_metrics_are_read_whatever_the_state_is(packets, drops, text, judged):
    progress = Progress(
        packets=packets, drops=drops, unwritten=text, judged=JUDGED if judged else Judgement(fault=text)
    )
    found = exposed(metrics_text(progress))
    assert found["podfence_packets_total"][1][None] == float(packets)
    assert "podfence_last_interval_seconds" not in found


def test_counters_are_called_total_and_nothing_else_is():
    for name, (kind, _) in exposed(metrics_text(PROGRESS)).items():
        assert name.startswith("podfence_")
        assert name.endswith("_total") == (kind == "counter")


def test_a_judgement_that_failed_says_nothing_of_workloads():
    assert "podfence_workloads" not in exposed(metrics_text(Progress(judged=Judgement(fault="x"))))


def test_the_status_line_says_how_much_what_is_new_what_is_lost_and_what_stopping_would_come_to():
    assert status_line(PROGRESS) == (
        "90 minutes: 12,345 packets and records · 700 connections · 106 distinct, 7 new in the last hour · 4 dropped · "
        "stopping now: 8 suggestions, 3 of them not decided; 2 learning, 5 stable (seen once)"
    )
    assert status_line(Progress()) == "begun; nothing has been written yet"


@pytest.mark.parametrize("progress", [
    Progress(time(0), time(1), unwritten=HOSTILE),
    Progress(time(0), time(1), judged=Judgement(fault=HOSTILE)),
    Progress(time(0), time(1), judged=Judgement("learning", reason=HOSTILE)),
])  # fmt: skip
def test_the_status_line_is_one_short_line_without_control_characters(progress):
    line = status_line(progress)
    assert line.isprintable()
    assert len(line) <= 300


def test_a_judgement_is_told_without_what_it_lacks():
    assert judgement_text(Judgement("stable", (("stable", 2),), 4, 3, None, "r")) == (
        "stopping now: 3 suggestions; 2 stable"
    )
    assert judgement_text(Judgement()) == "stopping now: 0 suggestions; no workload"
    assert judgement_text(Judgement(fault="no inventory")) == "not judged: no inventory"


def test_an_interval_is_one_line_of_json_with_gaps_and_remarks():
    seen = interval(4)
    told = Interval(time(4), time(5), seen, (HOSTILE,), "no room")
    line = interval_event(told, Counting().take(told))
    assert line.isascii()
    assert line.isprintable()
    event = json.loads(line)
    assert (event["packets"], event["dropped"], event["rows"], event["known"]) == (7, 2, 3, 3)
    assert event["gaps"] == [["eth0", time(4).isoformat(), time(4, 59).isoformat(), 2]]
    assert event["ledger"] == {"not_ip": 1}
    assert event["remarks"] == [HOSTILE]
    assert event["unwritten"] == "no room"


def test_a_judgement_is_one_line_of_json():
    event = json.loads(judgement_event(JUDGED))
    assert (event["event"], event["verdict"], event["undecided"], event["fault"]) == ("judgement", "learning", 3, None)
    assert json.loads(judgement_event(Judgement(fault=HOSTILE)))["verdict"] is None
