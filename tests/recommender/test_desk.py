"""Never lose a decision: on disk before the method returns, refused where somebody else wrote, undone one by one."""

import multiprocessing
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from recommender.desk import HISTORY, ChangedOnDisk, Desk
from recommender.manifest import to_yaml
from recommender.policy import IPBlock
from recommender.review import Decision, decisions_to_data
from recommender.store import DECISIONS, load_decisions, save_decisions, save_suggestions, write_text
from recommender.widening import Widening
from tests.cluster import flow
from tests.recommender.test_suggest import _suggest

SEEN = _suggest(
    flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001), flow("10.0.0.3", "8.8.8.8", 443)
)
IDS = [item.id for item in SEEN.items]
OUT = next(item.id for item in SEEN.items if item.communication.port == 443)


def _noon():
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    save_suggestions(SEEN, tmp_path)
    return tmp_path


def _desk(folder, by="ann"):
    return Desk(folder, by, _noon)


def test_a_decision_is_on_disk_with_who_when_and_why_before_the_next_one(folder):
    change = _desk(folder).decide([IDS[0]], "accept", "asked the owners")
    (found,) = load_decisions(folder)
    assert (found.id, found.choice, found.by, found.at, found.why) == (
        IDS[0], "accept", "ann", "2026-11-23T12:00:00Z", "asked the owners",
    )  # fmt: skip
    assert change.changed == {IDS[0]: (None, found)}


def test_opening_a_desk_again_loses_nothing_and_writes_nothing(folder):
    _desk(folder).decide(IDS[:2], "decline")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    again = _desk(folder)
    assert {d.choice for d in again.decisions.values()} == {"decline"}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_bulk_action_touches_the_undecided_only_and_says_how_many_it_passed_over(folder):
    desk = _desk(folder)
    desk.decide([IDS[0]], "decline")
    change = desk.decide_undecided(IDS, "accept")
    assert (change.skipped, len(change.changed)) == (1, 2)
    assert desk.decisions[IDS[0]].choice == "decline"
    assert desk.decide_undecided(IDS, "accept").changed == {}


def test_what_another_one_wrote_is_not_overwritten(folder):
    one, other = _desk(folder), _desk(folder, "bob")
    one.decide([IDS[0]], "accept")
    for act in (lambda: other.decide([IDS[1]], "accept"), other.undo):
        with pytest.raises(ChangedOnDisk, match=r"decisions\.yaml: changed since it was read .* load it again"):
            act()
    assert [d.id for d in load_decisions(folder)] == [IDS[0]]
    assert other.decisions == {}
    other.reload()
    other.decide([IDS[1]], "accept")
    assert {d.id: d.by for d in load_decisions(folder)} == {IDS[0]: "ann", IDS[1]: "bob"}


def _race(folder, by, done):
    won = 0
    for key in IDS:
        try:
            Desk(folder, by).decide([key], "accept")
            won += 1
        except ChangedOnDisk:
            pass
    done.put(won)


def test_of_two_processes_that_write_at_once_each_loses_nothing_or_is_told(folder):
    context = multiprocessing.get_context("spawn")
    done = context.Queue()
    racers = [context.Process(target=_race, args=(folder, by, done)) for by in ("ann", "bob")]
    for racer in racers:
        racer.start()
    assert sum(done.get(timeout=60) for _ in racers) >= len(IDS)
    for racer in racers:
        racer.join()
    assert {d.id for d in load_decisions(folder)} == set(IDS)
    assert len((folder / HISTORY).read_text().splitlines()) >= len(IDS)


def test_undo_takes_back_one_action_at_a_time_also_after_a_restart(folder):
    desk = _desk(folder)
    desk.decide([IDS[0]], "accept")
    desk.decide_undecided(IDS, "decline")
    assert set(_desk(folder).undo().changed) == set(IDS) - {IDS[0]}
    desk.reload()
    assert set(desk.decisions) == {IDS[0]}
    desk.undo()
    assert (desk.decisions, desk.undo()) == ({}, None)


def test_accepting_and_widening_is_one_change_and_refused_where_it_does_not_hold_what_was_seen(folder):
    desk = _desk(folder)
    with pytest.raises(PodfenceError, match="what you ask for has `ports` that do not hold 443"):
        desk.accept_widened(OUT, Widening(ports=(1, 2)))
    assert not (folder / DECISIONS).exists()
    desk.accept_widened(OUT, Widening(ports=(443, 444)), "asked")
    assert (desk.decisions[OUT].choice, desk.decisions[OUT].widen) == ("accept", Widening(ports=(443, 444)))
    desk.undo()
    assert desk.decisions == {}


ODD = st.text(st.sampled_from("ab \n\t\r:-#'\"\\{}[]|>\x1b\x85\u2028\u202e\u00e9\U0001f600&*!%@`0"), max_size=30)
ENTRY = st.tuples(ODD, ODD, st.lists(ODD, max_size=2), st.sampled_from(["accept", "decline"]), st.booleans())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(ODD.filter(bool), ENTRY, max_size=4), min_size=1, max_size=3))
def test_writing_only_what_changed_gives_the_bytes_of_writing_everything(rounds):
    desk = object.__new__(Desk)
    desk._texts = {}
    for entries in rounds:
        found = {
            key: Decision(key, choice, what, "ann", why, Widening(options=(why,)) if wide else None, tuple(others))
            for key, (what, why, others, choice, wide) in entries.items()
        }
        assert desk._text(found) == to_yaml(decisions_to_data(found.values()))


def test_undo_refuses_what_was_changed_by_hand_since(folder):
    _desk(folder).decide([IDS[0]], "accept")
    save_decisions([], folder)
    with pytest.raises(PodfenceError, match="was changed since; nothing was undone"):
        _desk(folder).undo()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["accept", "decline", "bulk", "forget"]), st.sampled_from(IDS)), max_size=8))
def test_undoing_everything_gives_back_what_was(tmp_path_factory, actions):
    folder = tmp_path_factory.mktemp("desk")
    save_suggestions(SEEN, folder)
    desk = _desk(folder)
    desk.decide([OUT], "accept")
    states = [desk.decisions]
    for name, key in actions:
        change = {
            "accept": lambda key=key: desk.decide([key], "accept"),
            "decline": lambda key=key: desk.decide([key], "decline"),
            "bulk": lambda: desk.decide_undecided(IDS, "accept"),
            "forget": lambda key=key: desk.forget([key]),
        }[name]()
        if change.changed:
            states.append(desk.decisions)
    for state in reversed(states[:-1]):
        desk.undo()
        assert desk.decisions == state == {d.id: d for d in load_decisions(folder)}


def test_widening_is_checked_recorded_and_undone(folder):
    desk = _desk(folder)
    block = Widening(addresses=IPBlock("8.8.8.0/24"))
    with pytest.raises(PodfenceError, match="is not accepted; accept it before"):
        desk.widen(OUT, block)
    desk.decide([OUT], "accept", "why not")
    with pytest.raises(PodfenceError, match=r"what you ask for has `addresses` that do not hold 8\.8\.8\.8"):
        desk.widen(OUT, Widening(addresses=IPBlock("8.8.4.0/24")))
    desk.widen(OUT, block)
    (found,) = load_decisions(folder)
    assert (found.widen, found.why) == (block, "why not")
    desk.decide([OUT], "accept", "again")
    assert desk.decisions[OUT].widen == block
    desk.undo()
    desk.undo()
    assert desk.decisions[OUT].widen is None


def test_what_is_no_suggestion_is_one_sentence(folder):
    with pytest.raises(PodfenceError, match="'nonsense' is the id of no suggestion"):
        _desk(folder).decide(["nonsense"], "accept")


def test_a_damaged_history_does_not_hinder_deciding(folder):
    desk = _desk(folder)
    (folder / HISTORY).write_text("not json\n")
    with pytest.raises(UnreadableInput, match="its last line is damaged; remove it"):
        desk.undo()
    desk.decide([IDS[0]], "accept")
    assert desk.undo() is not None


def test_a_folder_that_cannot_be_written_is_one_sentence_and_memory_says_what_disk_does(folder):
    desk = _desk(folder)
    (folder / DECISIONS).mkdir()
    with pytest.raises(PodfenceError):
        desk.decide([IDS[0]], "accept")
    assert desk.decisions == {}


def test_a_desk_that_could_not_read_the_file_again_does_not_overwrite_it(folder):
    desk = _desk(folder)
    desk.decide([IDS[0]], "accept")
    damaged = (folder / DECISIONS).read_text() + "  half an edit: [\n"
    (folder / DECISIONS).write_text(damaged)
    with pytest.raises(UnreadableInput, match="not YAML"):
        desk.reload()
    with pytest.raises(ChangedOnDisk):
        desk.decide([IDS[1]], "accept")
    assert (folder / DECISIONS).read_text() == damaged


@pytest.mark.parametrize("last", [1, 2, 3])
@pytest.mark.parametrize("undoing", [False, True])
def test_whenever_podfence_is_killed_undo_takes_back_the_last_change_that_was(folder, monkeypatch, last, undoing):
    _desk(folder).decide([IDS[0]], "accept")
    states = [_desk(folder).decisions]
    if undoing:
        _desk(folder).decide([IDS[1]], "decline")
        states.append(_desk(folder).decisions)
    desk, writes = _desk(folder), []

    def killed(file, text):
        writes.append(file)
        if len(writes) == last:
            raise KeyboardInterrupt
        write_text(file, text)

    with monkeypatch.context() as patched:
        patched.setattr("recommender.desk.write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.undo() if undoing else desk.decide([IDS[1]], "decline")
    left = _desk(folder).decisions
    changes = [IDS[0]] if IDS[1] not in left else [IDS[1], IDS[0]]
    assert [list(_desk(folder).undo().changed) for _ in changes] == [[key] for key in changes]
    assert _desk(folder).undo() is None
    assert load_decisions(folder) == ()


def test_a_full_disk_decides_nothing_and_undo_takes_back_no_other_change(folder, monkeypatch):
    _desk(folder).decide([IDS[0]], "accept")
    before, desk = (folder / DECISIONS).read_bytes(), _desk(folder)

    def full(file, text):
        if file.name == DECISIONS:
            raise PodfenceError("cannot be written; choose another folder with -o") from OSError(28, "the disk is full")
        write_text(file, text)

    with monkeypatch.context() as patched:
        patched.setattr("recommender.desk.write_text", full)
        with pytest.raises(PodfenceError, match=r"cannot be written \(the disk is full\); nothing was decided: mend"):
            desk.decide([IDS[1]], "accept")
    assert (folder / DECISIONS).read_bytes() == before
    desk.decide([IDS[2]], "accept")
    assert [list(desk.undo().changed) for _ in range(2)] == [[IDS[2]], [IDS[0]]]


def test_decisions_that_are_no_file_are_one_sentence(folder):
    (folder / DECISIONS).mkdir()
    with pytest.raises(UnreadableInput, match="no regular file"):
        _desk(folder)
    (folder / DECISIONS).rmdir()
    os.mkfifo(folder / DECISIONS)
    with pytest.raises(UnreadableInput, match="no regular file"):
        _desk(folder)
    (folder / DECISIONS).unlink()
    (folder / DECISIONS).symlink_to(DECISIONS)
    with pytest.raises(UnreadableInput, match="cannot be read"):
        _desk(folder)


def test_a_link_stays_and_what_it_stands_for_is_written(folder, tmp_path_factory):
    shared = tmp_path_factory.mktemp("shared") / "ours.yaml"
    save_decisions([], shared.parent)
    (shared.parent / DECISIONS).rename(shared)
    (folder / DECISIONS).symlink_to(shared)
    _desk(folder).decide([IDS[0]], "accept")
    assert (folder / DECISIONS).is_symlink()
    assert IDS[0] in shared.read_text()


def test_what_a_stale_decision_opened_beyond_is_not_opened_again_unasked(folder):
    desk = _desk(folder)
    desk.accept_widened(OUT, Widening(addresses=IPBlock("8.8.8.0/24")))
    save_decisions([replace(desk.decisions[OUT], what="something else")], folder)
    desk.reload()
    assert desk.reviewed.stale
    desk.decide([OUT], "accept")
    assert desk.decisions[OUT].widen is None


def test_nothing_is_written_that_could_not_be_reviewed_then(folder):
    desk = _desk(folder)
    desk.decide([IDS[0]], "accept")
    save_decisions([replace(desk.decisions[IDS[0]], widen=Widening(ports=(1, 2)))], folder)
    desk.reload()
    before = (folder / DECISIONS).read_bytes()
    with pytest.raises(PodfenceError, match="correct its `widen`"):
        desk.decide([IDS[1]], "accept")
    assert (folder / DECISIONS).read_bytes() == before
    desk.forget([IDS[0]])
    assert desk.decisions == {}
