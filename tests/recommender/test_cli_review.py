"""`podfence review` as a user meets it: a review folder in, decisions on disk, and git beside it."""

import argparse
import json
import os
import shutil
import subprocess
import sys

import pytest

from collectors.errors import PodfenceError, UnreadableInput
from recommender.cli_review import add_review
from recommender.desk import HISTORY
from recommender.policy import IPBlock
from recommender.reviewing_who import whoever
from recommender.store import DECISIONS, load_decisions, save_decisions, save_suggestions
from recommender.text import visible
from recommender.widening import Widening
from tests.cluster import flow
from tests.recommender.report.test_report_hostile import HOSTILE, spoken_by
from tests.recommender.test_suggest import _suggest

SEEN = _suggest(*(flow("10.0.0.1", "10.0.0.3", port) for port in range(3000, 3006)), flow("10.0.0.3", "8.8.8.8", 443))
IDS = {item.communication.port: item.id for item in SEEN.items}
NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def folder(tmp_path):
    save_suggestions(SEEN, tmp_path / "review")
    return tmp_path / "review"


def podfence(folder, *words):
    """Run `podfence review` and return its status, what it prints, and what it says."""
    shown, said = [], []
    parser = argparse.ArgumentParser(prog="podfence")
    add_review(parser.add_subparsers(required=True), shown.append, said.append)
    given = parser.parse_args(["review", str(folder), *map(str, words)])
    return given.command(given), "\n".join(shown), "\n".join(said)


def _choices(folder):
    return {decision.id: decision.choice for decision in load_decisions(folder)}


def test_a_list_is_filtered_and_limited(folder):
    status, text, _ = podfence(folder, "list", "--port", 3000)
    assert (status, text.split("\n")[0]) == (0, "ingress of shop/Deployment/api")
    assert [line.split()[0] for line in text.split("\n")[1:]] == [IDS[3000]]
    data = json.loads(podfence(folder, "list", "--workload", "web", "--limit", 2, "--json")[1])
    assert (len(data["suggestions"]), data["left_out"]) == (2, 4)
    assert podfence(folder, "list", "--text", "nothing says this") == (0, "", "")
    assert not (folder / DECISIONS).exists()


def test_ids_are_decided_and_decided_again(folder):
    status, text, _ = podfence(folder, "accept", IDS[3000], IDS[3001], "--by", "ann", "--why", "asked")
    assert status == 0
    assert f"accepted  {IDS[3000]}  shop/Deployment/web -> shop/Deployment/api TCP/3000" in text
    assert text.endswith("if exported now: 2 allowed, 4 would break, 0 blocked on purpose, 1 not affected")
    podfence(folder, "decline", IDS[3000], "--by", "bob")
    found = {decision.id: decision for decision in load_decisions(folder)}
    assert {key: (one.choice, one.by, one.why) for key, one in found.items()} == {
        IDS[3000]: ("decline", "bob", ""), IDS[3001]: ("accept", "ann", "asked"),
    }  # fmt: skip


def test_a_filter_decides_the_undecided_only_and_says_how_many_it_passed_over(folder):
    podfence(folder, "decline", IDS[3000])
    status, text, said = podfence(folder, "accept", "--namespace", "shop", "--port", "TCP/3000")
    assert (status, _choices(folder)) == (0, {IDS[3000]: "decline"})
    assert "nothing changed" in text
    assert said.startswith("1 passed over: they are decided already")
    data = json.loads(podfence(folder, "accept", "--all", "--json")[1])
    assert (len(data["changed"]), data["skipped"], data["if_exported_now"]["would_break"]) == (6, 1, 0)
    assert "no suggestion is like that" in podfence(folder, "accept", "--peer", "nobody")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["accept"], "nothing says what to accept; give ids, a filter"),
        (["decline", IDS[3000], "--all"], "ids and a filter were given"),
        (["decline", IDS[3000], "--port", "80"], "ids and a filter were given"),
        (["accept", "nonsense"], "'nonsense' is the id of no suggestion"),
        (["show", "nonsense"], "'nonsense' is the id of no suggestion in .*; see `list`"),
        (["forget", "nonsense"], "nobody has decided on 'nonsense'"),
        (["list", "--caveat", "odd"], "no caveat is called 'odd'"),
        (["list", "--limit", "0"], "--limit 0 would show nothing"),
        (["widen", IDS[3000]], "name what to open beyond what was seen"),
        (["widen", IDS[3000], "--exact", "--ports", "1-2"], "name what to open beyond what was seen"),
        (["widen", IDS[3000], "--ports", "2-1"], "this widens nothing: `ports` is '2-1'"),
        (["widen", IDS[3000], "--ports", "2999-3001"], "is not accepted; accept it before you widen it"),
        (["widen", IDS[3000], "--except", "10.0.0.0/8"], "needs `addresses` beside it"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_changes_nothing(folder, words, said):
    with pytest.raises(PodfenceError, match=said) as refused:
        podfence(folder, *words)
    assert "\n" not in str(refused.value)
    assert not (folder / DECISIONS).exists()


def test_a_folder_without_suggestions_is_one_sentence(tmp_path):
    for words in ([], ["list"], ["accept", "--all"], ["undo"], ["status"]):
        with pytest.raises(UnreadableInput, match=r"suggestions\.json: no such file; write it with `podfence suggest`"):
            podfence(tmp_path / "none", *words)
    assert not (tmp_path / "none").exists()


def test_an_acceptance_is_widened_and_made_exact_again(folder):
    podfence(folder, "accept", IDS[443], "--why", "asked")
    words = ["--addresses", "8.8.8.0/24", "--except", "8.8.8.0/30", "--ports", "443-444", "--protocols", "tcp", "UDP"]
    podfence(folder, "widen", IDS[443], *words, "--service-port", 80, "--source-namespace", "--by", "bob")
    (found,) = load_decisions(folder)
    assert found.widen == Widening(
        IPBlock("8.8.8.0/24", ("8.8.8.0/30",)), (443, 444), ("TCP", "UDP"), (80,), source=True
    )
    assert (found.by, found.why) == ("bob", "asked")
    with pytest.raises(PodfenceError, match="the destination is no workload"):
        podfence(folder, "widen", IDS[443], "--destination-namespace")
    assert podfence(folder, "widen", IDS[443], "--exact")[0] == 0
    (found,) = load_decisions(folder)
    assert found.widen == Widening()


def test_decisions_are_forgotten_and_undone_one_change_at_a_time(folder):
    podfence(folder, "accept", "--all")
    status, text, _ = podfence(folder, "forget", IDS[3000])
    assert (status, text.split("\n")[0].split()[:2]) == (0, ["undecided", IDS[3000]])
    podfence(folder, "undo")
    assert len(_choices(folder)) == len(IDS)
    podfence(folder, "undo")
    assert _choices(folder) == {}
    assert podfence(folder, "undo")[2] == "there is nothing to undo"


def test_status_check_is_a_finding_until_everything_is_decided(folder):
    assert podfence(folder, "status")[0] == 0
    assert podfence(folder, "status", "--check")[0] == 1
    podfence(folder, "accept", "--port", "3000")
    status, text, _ = podfence(folder, "status", "--check", "--default-deny")
    assert status == 1
    assert "if exported now: 1 allowed, 6 would break" in text
    podfence(folder, "decline", "--all")
    assert podfence(folder, "status", "--check")[0] == 0
    save_decisions([*load_decisions(folder)[1:]], folder)
    data = json.loads(podfence(folder, "status", "--json")[1])
    assert (data["finished"], data["suggestions"]["undecided"]) == (False, 1)


def test_details_of_several_are_shown_in_the_order_asked_for(folder):
    status, text, _ = podfence(folder, "show", IDS[443], IDS[3000])
    assert status == 0
    assert text.index(IDS[443]) < text.index(IDS[3000])
    data = json.loads(podfence(folder, "show", IDS[443], "--json")[1])
    assert [entry["id"] for entry in data["suggestions"]] == [IDS[443]]
    assert "kind: NetworkPolicy" in data["suggestions"][0]["policies"][0]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_visible_text_in_what_commands_print(tmp_path, name):
    suggestions = spoken_by(name).reviewed.suggestions
    save_suggestions(suggestions, tmp_path)
    ids = [item.id for item in suggestions.items]
    for words in (["list"], ["show", *ids], ["accept", *ids, "--why", name, "--by", name], ["show", *ids]):
        text = podfence(tmp_path, *words)[1]
        assert visible(name) in text
        assert all(line == visible(line) for line in text.split("\n"))
        assert json.loads(podfence(tmp_path, *words, "--json")[1])
    assert {decision.why for decision in load_decisions(tmp_path)} == {name}


def test_a_reason_that_is_no_text_does_not_spoil_the_file(folder):
    podfence(folder, "accept", IDS[3000], "--why", "bad \udcff \x1b[31m", "--by", "\ud800")
    assert [decision.id for decision in load_decisions(folder)] == [IDS[3000]]


def _git(folder, *words, check=True):
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0 or not check, done.stderr
    return done


@pytest.fixture
def repo(folder):
    """Give a review folder in git, in which every second suggestion is decided."""
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "config", "user.name", "Git Ann")
    _git(folder, "config", "user.email", "ann@example.com")
    (folder / ".gitignore").write_text(".decisions.lock\ndecisions.history.jsonl\n")
    podfence(folder, "accept", *(IDS[port] for port in (443, 3001, 3003, 3005)))
    _commit(folder, "half of it")
    return folder


def _commit(folder, message):
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", message)


def _branches(repo, first, second):
    """Let two people decide in branches of their own, merge the second's into the first's, and return how that went."""
    for name, words in (("ann", first), ("bob", second)):
        _git(repo, "checkout", "-q", "-b", name, "main")
        podfence(repo, *words, "--by", name)
        _commit(repo, name)
    _git(repo, "checkout", "-q", "ann")
    return _git(repo, "merge", "-q", "-m", "both", "bob", check=False)


@NEEDS_GIT
def test_who_decides_is_whom_git_knows(repo):
    assert {decision.by for decision in load_decisions(repo)} == {"Git Ann"}
    assert whoever(repo) == "Git Ann"


def test_without_git_it_is_the_login_name(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("LOGNAME", "ann")
    assert whoever(folder) == "ann"
    assert whoever(folder / "none") == "ann"


@NEEDS_GIT
def test_a_git_that_fails_or_a_name_without_end_is_survived(folder, tmp_path, monkeypatch):
    fake = tmp_path / "git"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOGNAME", "ann")
    fake.write_text("#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    assert whoever(folder) == "ann"
    fake.write_text("#!/bin/sh\nprintf 'a b\\nc%0900d' 0\n")
    assert whoever(folder).startswith("a b c000")
    assert len(whoever(folder)) == 100


@NEEDS_GIT
def test_branches_that_decide_different_suggestions_merge(repo):
    done = _branches(repo, ["accept", IDS[3000]], ["decline", IDS[3004]])
    assert done.returncode == 0, done.stdout
    assert _choices(repo) == {
        **dict.fromkeys((IDS[443], IDS[3001], IDS[3003], IDS[3005], IDS[3000]), "accept"), IDS[3004]: "decline",
    }  # fmt: skip
    assert podfence(repo, "status")[1].startswith("5 accepted, 1 declined, 1 undecided")


@NEEDS_GIT
def test_with_union_merges_branches_that_decide_neighbours_merge_as_well(repo):
    (repo / ".gitattributes").write_text("decisions.yaml merge=union\n")
    podfence(repo, "forget", *(IDS[port] for port in (3001, 3003, 3005)))
    _commit(repo, "union")
    one, two = (IDS[3000], IDS[3002]), (IDS[3001], IDS[3003], IDS[3004])
    assert _branches(repo, ["accept", *one], ["decline", *two]).returncode == 0
    assert _choices(repo) == {IDS[443]: "accept", **dict.fromkeys(one, "accept"), **dict.fromkeys(two, "decline")}


@NEEDS_GIT
def test_with_union_merges_one_suggestion_decided_in_two_ways_is_refused_and_nothing_is_lost(repo):
    (repo / ".gitattributes").write_text("decisions.yaml merge=union\n")
    _commit(repo, "union")
    assert _branches(repo, ["decline", IDS[3001]], ["accept", IDS[3001], "--why", "asked"]).returncode == 0
    with pytest.raises(UnreadableInput, match=r"decisions\.yaml, line \d+: the key '\w+' stands here twice; keep one"):
        podfence(repo, "status")


@NEEDS_GIT
def test_what_git_could_not_merge_is_one_sentence_with_the_line_and_loses_nothing(repo):
    done = _branches(repo, ["decline", IDS[3001]], ["accept", IDS[3001], "--why", "asked"])
    assert done.returncode == 1
    before = (repo / DECISIONS).read_bytes()
    for words in (["status"], ["accept", "--all"], ["undo"], ["list"]):
        with pytest.raises(UnreadableInput, match=r"decisions\.yaml, line \d+: .*; ") as refused:
            podfence(repo, *words)
        assert "\n" not in str(refused.value)
    assert (repo / DECISIONS).read_bytes() == before


@NEEDS_GIT
def test_taking_a_change_back_after_a_merge_refuses_what_the_merge_changed(repo):
    podfence(repo, "decline", IDS[3000], "--by", "ann")
    _git(repo, "checkout", "-q", "--", DECISIONS)
    with pytest.raises(PodfenceError, match="was changed since; nothing was undone"):
        podfence(repo, "undo")
    assert _git(repo, "status", "--porcelain").stdout == ""
    assert (repo / HISTORY).exists()


def test_an_id_that_stands_twice_is_refused_by_name(folder):
    podfence(folder, "accept", IDS[3000])
    text = (folder / DECISIONS).read_text()
    entry = text.partition("decisions:\n")[2]
    (folder / DECISIONS).write_text(text + entry.replace("accept", "decline"))
    with pytest.raises(UnreadableInput, match=rf"decisions\.yaml, line \d+: the key '{IDS[3000]}' stands here twice"):
        podfence(folder, "status")


def test_naming_the_command_loads_nothing_heavy():
    code = (
        "import argparse, sys\n"
        "from recommender.cli_review import add_review\n"
        "parser = argparse.ArgumentParser()\n"
        "add_review(parser.add_subparsers(), print, print)\n"
        "try: parser.parse_args(['review', 'x', 'accept', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(sum(name in sys.modules for name in ('pandas', 'numpy', 'kubernetes', 'yaml')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "--why TEXT" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("name", ["workload", "namespace", "peer", "port", "caveat", "status", "text"])
def test_an_empty_filter_is_refused_since_it_would_decide_more_than_meant(folder, name):
    with pytest.raises(PodfenceError, match=f"--{name} is empty"):
        podfence(folder, "accept", "--peer=web", f"--{name}=")
    assert not (folder / DECISIONS).exists()


def test_without_an_input_to_read_keys_from_it_is_one_sentence(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PodfenceError, match="there is no input to read keys from"):
        podfence(folder)
