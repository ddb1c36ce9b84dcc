"""What stopping now would come to: by a real store and inventory, in a process of its own; and the rule that ends."""

import os
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import read_flows, save
from recommender import learning_judge
from recommender.learning_judge import Judge, Judgement, judge, rule
from recommender.pipeline import suggest
from tests.recommender.learner import SAMPLES

INVENTORY = SAMPLES / "inventory"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    save(read_flows([SAMPLES / "shop.pcap"]), folder)
    return folder


def answered(asked, now):
    for _ in range(1200):
        if (found := asked.taken(now)) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("no judgement came")


def test_a_store_is_judged_by_what_suggest_would_say_of_it(store):
    found = judge(store, INVENTORY, None)
    assert (found.fault, found.verdict, found.open) == ("", "learning", None)
    assert found.communications >= found.suggestions > 20
    assert [verdict for verdict, _ in found.workloads] == ["learning", "stabilising", "stable"]
    assert sum(count for _, count in found.workloads) > 5
    assert found.reason


def test_with_a_review_it_says_how_many_are_not_decided(store, tmp_path):
    suggest(store, INVENTORY, tmp_path)
    found = judge(store, INVENTORY, tmp_path)
    assert found.open == found.suggestions


@pytest.mark.parametrize(("inventory", "words"), [("nosuch", "nosuch"), (None, "inventory")])
def test_what_cannot_be_judged_is_said_and_is_no_verdict(store, tmp_path, inventory, words):
    found = judge(store, inventory and tmp_path / inventory, None)
    assert words in found.fault
    assert found.verdict == ""


def test_a_judgement_comes_from_another_process_and_the_next_is_asked_when_its_time_has_come(store):
    asked = Judge(store, INVENTORY, None, every=100.0)
    asked.ask(5.0)
    assert answered(asked, 6.0) == judge(store, INVENTORY, None)
    asked.ask(104.0)
    assert asked._asked is None
    asked.ask(105.0)
    assert asked._asked is not None
    asked.close()


def test_judging_takes_a_tenth_of_the_time_at_most(store):
    asked = Judge(store, None, None, every=1.0)
    asked.ask(0.0)
    assert "inventory" in answered(asked, 30.0).fault
    asked.ask(299.0)
    assert asked._asked is None
    asked.ask(300.0)
    assert asked._asked is not None
    asked.close()


def test_ctrl_c_ends_no_judgement(store):
    asked = Judge(store, INVENTORY, None, every=1.0)
    asked.ask(0.0)
    for _ in range(20):
        os.kill(asked._asked._process.pid, signal.SIGINT)
        time.sleep(0.02)
    assert answered(asked, 1.0).fault == ""


def test_a_judging_process_that_is_killed_is_said_and_another_is_asked(store):
    asked = Judge(store, INVENTORY, None, every=1.0)
    asked.ask(0.0)
    os.kill(asked._asked._process.pid, signal.SIGKILL)
    assert "the judging process ended with status -9" in answered(asked, 1.0).fault
    assert asked.last().fault == ""


def test_the_last_judgement_does_not_wait_for_an_older_one(store):
    asked = Judge(store, INVENTORY, None, every=1.0)
    asked.ask(0.0)
    older = asked._asked._process.pid
    assert asked.last().suggestions > 20
    with pytest.raises(ProcessLookupError):
        os.kill(older, 0)


@given(st.lists(st.sampled_from(["stable", "stabilising", "learning", ""]), max_size=12), st.integers(1, 4))
def test_enough_is_as_many_stable_ones_in_a_row_as_the_rule_wants(verdicts, wanted):
    enough = rule(wanted)
    said = [enough(Judgement(verdict)) for verdict in verdicts]
    windows = [verdicts[max(0, at + 1 - wanted) : at + 1] for at in range(len(verdicts))]
    assert said == [window == ["stable"] * wanted for window in windows]


def test_learning_wants_more_than_one():
    assert learning_judge.STABLE_IN_A_ROW >= 2
