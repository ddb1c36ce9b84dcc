"""`podfence drift` as a user meets it: a review and newer stores in; text, JSON or Markdown and an exit status out."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from collectors.observation import Observation, ObservationWindow, Source
from collectors.segments import Segments
from collectors.store import load, save
from recommender.cli import main
from recommender.pipeline import RunOptions, run

SAMPLES = Path(__file__).parents[2] / "sample_captures"
INVENTORY = SAMPLES / "inventory"
CUT = pd.Timestamp("2026-11-23T01:49:02Z")
"""The shop's CronJob is done by then; all else goes on."""


def _part(whole, name, start, end):
    """Return what of an observation began within a time, as if it had been captured then."""
    began = whole.flows["first_seen"]
    rows = whole.flows[(began >= start) & (began < end)].assign(source=name)
    rows["source"] = rows["source"].astype("category")
    window = ObservationWindow.of([Source(name, "pcap", len(rows), 1, start, end, fingerprint=name)])
    return Observation(rows.reset_index(drop=True), window)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Give the sample as observed, its first part and its second one, with a review of the whole and of the second."""
    folder = tmp_path_factory.mktemp("shop")
    run([str(SAMPLES / "shop.pcap")], INVENTORY, folder / "whole", RunOptions(accept_observed=True))
    whole = load(folder / "whole" / "observations")
    save(_part(whole, "first.pcap", whole.window.start, CUT), folder / "first")
    save(_part(whole, "second.pcap", CUT, whole.window.end), folder / "second")
    assert main(["suggest", str(folder / "second"), "--inventory", str(INVENTORY), "-o", str(folder / "review"),
                 "--accept", "observed"]) == 0  # fmt: skip
    return folder


@pytest.fixture
def podfence(shop, capsys):
    """Give how to run `podfence drift` on the shop: exit status, stdout, stderr."""

    def called(*words, inventory=True):
        known = ["--inventory", str(INVENTORY)] if inventory else []
        capsys.readouterr()
        status = main(["drift", *(str(shop / word) if word in _PLACES else str(word) for word in words), *known])
        return status, *capsys.readouterr()

    return called


_PLACES = ("review", "whole/review", "whole/observations", "first", "second")


def test_an_observation_does_not_drift_from_its_own_review(podfence):
    status, text, said = podfence("whole/review", "whole/observations")
    assert (status, said) == (0, "")
    assert text.splitlines()[0] == "drift           no drift"


def test_what_the_review_never_saw_is_new_and_the_status_is_1(podfence):
    status, text, _ = podfence("review", "first")
    assert status == 1
    assert re.match("drift +[0-9]+ new communications, [0-9]+ would be denied\n", text)
    assert "  + shop/CronJob/report -> data/StatefulSet/postgres TCP/5432\n      suggested; " in text
    assert "  ! shop/CronJob/report -> data/StatefulSet/postgres TCP/5432 (not in the review)\n" in text
    assert podfence("review", "first", "second")[1].count("  + shop/CronJob/report -> ") == 2


def test_what_vanished_alone_is_no_drift_unless_it_is_asked_for(podfence):
    status, text, _ = podfence("whole/review", "second")
    assert status == 0
    assert "  - shop/CronJob/report -> data/StatefulSet/postgres TCP/5432 (proves nothing)\n" in text
    assert podfence("whole/review", "second", "--vanished")[0] == 1


def test_a_source_that_is_named_twice_or_in_two_stores_counts_once(podfence, shop, tmp_path):
    save(load(shop / "first"), tmp_path / "again")
    once = podfence("review", "first", "--json")
    assert podfence("review", "first", "first", "--json") == once
    assert podfence("review", "first", tmp_path / "again", "--json") == once


def test_the_folder_of_a_learner_is_taken_like_a_store(podfence, shop, tmp_path):
    with Segments(tmp_path / "learnt") as segments:
        segments.add(load(shop / "first"), {})
        segments.add(load(shop / "second"), {})
    learnt, stores = (
        json.loads(podfence("review", *given, "--json")[1]) for given in ((tmp_path / "learnt",), ("first", "second"))
    )
    assert learnt == stores


def test_json_says_the_same_as_the_exit_status(podfence):
    for words in (("review", "first"), ("whole/review", "second"), ("whole/review", "second", "--vanished")):
        status, text, _ = podfence(*words, "--json")
        assert json.loads(text)["drift"] is bool(status)


def test_default_deny_is_judged_as_it_was_exported(podfence):
    few, all_of_them = (
        json.loads(podfence("review", "first", "--json", *more)[1]) for more in ((), ("--default-deny",))
    )
    added = {*all_of_them["policies"]} - {*few["policies"]}
    assert added == {f"{name}/default-deny-podfence" for name in ("data", "kube-system", "monitoring", "shop")}


def test_markdown_goes_to_a_file_beside_the_text_or_to_stdout_instead(podfence, tmp_path):
    file = tmp_path / "new" / "drift.md"
    status, text, said = podfence("review", "first", "--markdown", file)
    assert (status, said) == (1, f"written to {file}\n")
    assert text.startswith("drift ")
    status, text, said = podfence("review", "first", "--markdown", "-")
    assert (status, text, said) == (1, file.read_text(), "")


def test_the_same_input_gives_the_same_bytes(podfence):
    for more in ((), ("--json",), ("--markdown", "-")):
        assert podfence("review", "first", *more) == podfence("review", "first", *more)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["review", "nowhere"], "nowhere is no observation store"),
        (["nowhere", "first"], "nowhere/suggestions.json: no such file; write it with `podfence suggest`"),
        (["review", "first", "--json", "--markdown", "-"], "both want stdout; name a file for one of them"),
        (["review", "first", "--markdown", "/dev/null/drift.md"], "; name another file with --markdown"),
    ],
)
def test_bad_input_is_one_sentence_and_the_status_is_2(podfence, words, sentence):
    status, _, said = podfence(*words)
    assert status == 2
    assert said.startswith("podfence: ")
    assert said.count("\n") == 1
    assert sentence in said


def test_without_an_inventory_captures_tell_no_pods(podfence):
    status, text, said = podfence("review", "first", inventory=False)
    assert (status, text) == (2, "")
    assert "no inventory is given" in said


def test_what_is_undecided_is_said(podfence, shop, tmp_path):
    (tmp_path / "suggestions.json").write_text((shop / "review" / "suggestions.json").read_text())
    status, _, said = podfence(tmp_path, "second")
    assert status == 0
    assert said.endswith(f"suggestions of {tmp_path} are undecided: `podfence review` decides them\n")


def test_naming_the_command_loads_nothing_heavy():
    code = "import sys, recommender.cli_drift; print(*{'pandas', 'kubernetes', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
