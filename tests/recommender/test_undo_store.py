"""An undo file is read back as it was written, and whatever is none is one sentence."""

import json
from datetime import UTC, datetime

import pytest

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput
from recommender.applying import Step
from recommender.undo_store import Journal, load_undo
from recommender.undoing import Entry
from tests.collectors.applyserver import policy

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
ITEM = policy("shop", "a", labels={"k": "\u202e\x1b"}, uid="u", resourceVersion="1")
CREATE = Step("shop", "a", "create", wanted=ITEM, expected=ITEM)
REMOVE = Step("shop", "b", "remove", before=policy("shop", "b"))
LEAVE = Step("shop", "c", "leave", wanted=ITEM, before=ITEM)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path, "https://h", NOW)


def test_what_is_planned_and_done_is_read_back_in_its_order(journal, tmp_path):
    assert journal.file is None
    journal.plan([CREATE, LEAVE, REMOVE])
    assert journal.file == tmp_path / "undo-20261122T213000Z.json"
    planned = Entry("shop", "a", "create", None, ITEM), Entry("shop", "b", "remove", policy("shop", "b"))
    assert load_undo(journal.file).entries == planned
    journal.done(CREATE, ITEM)
    journal.done(REMOVE, None, "existed")
    undo = load_undo(journal.file)
    assert (undo.server, undo.time) == ("https://h", "2026-11-22T21:30:00Z")
    assert [(entry.state, entry.left) for entry in undo.entries] == [("done", ITEM), ("existed", None)]
    assert [file.name for file in tmp_path.iterdir()] == ["undo-20261122T213000Z.json"]


def test_two_applies_of_one_second_write_two_files(tmp_path):
    files = []
    for _ in range(3):
        journal = Journal(tmp_path, "https://h", NOW)
        journal.plan([CREATE])
        files.append(journal.file.name)
    assert files == [f"undo-20261122T213000Z{number}.json" for number in ("", "-2", "-3")]


def test_only_its_owner_may_read_it(journal):
    journal.plan([CREATE])
    journal.done(CREATE, ITEM)
    assert journal.file.stat().st_mode & 0o777 == 0o600


def test_where_it_cannot_be_written_that_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PodfenceError, match=r"the undo file cannot be written .*; stopped before the next change"):
        Journal(tmp_path / "file", "https://h", NOW).plan([CREATE])


GOOD = {"namespace": "shop", "name": "a", "action": "create", "state": "planned", "expected": ITEM}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("{", "not JSON"),
        ("[" * 99999, "not JSON"),
        ([1], "this is no undo file"),
        ({"kind": "podfence/decisions"}, "this is no undo file"),
        ({"entries": None}, "it is damaged: `server` or `entries` is missing"),
        ({"server": 3}, "it is damaged: `server` or `entries` is missing"),
        ({"entries": ["x"]}, "entries[0] is damaged"),
        ({"entries": [GOOD, {**GOOD, "action": "leave"}]}, "entries[1] is damaged"),
        ({"entries": [{**GOOD, "state": "x"}]}, "entries[0] is damaged"),
        ({"entries": [{**GOOD, "name": "other"}]}, "holds no NetworkPolicy"),
        (
            {"entries": [{**GOOD, "expected": {**ITEM, "kind": "Secret"}}]},
            "entries[0] holds no NetworkPolicy",
        ),
        ({"entries": [{**GOOD, "before": {**ITEM, "spec": None}}]}, "holds no NetworkPolicy"),
        ({"entries": [{**GOOD, "action": "remove"}]}, "holds no NetworkPolicy"),
        (
            {"entries": [{**GOOD, "left": policy("shop", "a", managedFields=["x"])}]},
            "entries[0] holds no NetworkPolicy",
        ),
        ({"entries": [{**GOOD, "left": policy("shop", "a", labels=["x"])}]}, "holds no NetworkPolicy"),
    ],
)
def test_a_file_that_is_no_undo_file_is_one_sentence(tmp_path, data, says):
    file = tmp_path / "undo.json"
    whole = {"kind": "podfence/undo", "version": 1, "server": "s", "time": "t", "entries": [GOOD]}
    file.write_text(
        data if isinstance(data, str) else json.dumps({**whole, **data} if isinstance(data, dict) else data)
    )
    with pytest.raises(UnreadableInput) as fault:
        load_undo(file)
    assert says in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_file_of_a_newer_podfence_is_refused(tmp_path):
    file = tmp_path / "undo.json"
    file.write_text(json.dumps({"kind": "podfence/undo", "version": 2, "server": "s", "entries": []}))
    with pytest.raises(NewerArtefact, match="written as version 2, this podfence reads up to 1"):
        load_undo(file)
