"""The protocol between view and kernel, without a browser: each command is answered, nothing taken for granted."""

import json
import os
import subprocess
import sys

import pytest

from collectors.errors import PodfenceError
from recommender.desk import Desk
from recommender.notebook import review_widget
from recommender.store import DECISIONS, load_decisions, save_suggestions
from tests.cluster import inventory
from tests.recommender.notebook.browser import Browser
from tests.recommender.notebook.reviews import large, shop

pytest.importorskip("anywidget", reason="the review widget needs anywidget: pip install 'podfence[notebook]'")


@pytest.fixture
def folder(tmp_path):
    save_suggestions(shop(), tmp_path / "review")
    return tmp_path / "review"


def _open(folder, by="ann", **more):
    return Browser(review_widget(folder, by, **more))


def _held(folder):
    return {decision.id: decision for decision in load_decisions(folder)}


def test_a_decision_is_on_disk_and_in_the_traits_before_it_is_answered(folder):
    browser = _open(folder)
    key = browser.key("TCP/5432")
    answer = browser.ask(do="decide", keys=[key], choice="accept", why="the shop's orders")
    assert answer == {"id": 1, "do": "decide", "ok": True, "say": "accept: 1 suggestion", "changed_on_disk": False}
    assert (_held(folder)[key].choice, _held(folder)[key].by, _held(folder)[key].why) == (
        "accept", "ann", "the shop's orders",
    )  # fmt: skip
    assert next(row for row in browser.widget.page["rows"] if row["key"] == key)["status"] == "accepted"
    assert browser.widget.summary["counts"] == {"undecided": 5, "stale": 0, "accepted": 1, "declined": 0}
    assert browser.widget.summary["line"].startswith("if exported now: 1 allowed, 1 would break")


def test_re_running_the_cell_that_opens_a_review_loses_no_decision(folder):
    browser = _open(folder)
    browser.ask(do="decide", keys=[browser.key("TCP/5432")], choice="decline")
    before = (folder / DECISIONS).read_bytes()
    again = _open(folder)
    assert again.widget.summary["counts"]["declined"] == 1
    assert (folder / DECISIONS).read_bytes() == before


def test_a_bulk_decision_touches_the_undecided_rows_of_the_filter_and_no_others(folder):
    browser = _open(folder)
    browser.ask(do="decide", keys=[browser.key("TCP/8080")], choice="decline")
    browser.ask(do="rows", text="web")
    answer = browser.ask(do="decide_undecided", choice="accept", expect=2)
    assert answer["say"] == "accept undecided: 2 suggestions, 1 decided before and left as they are"
    assert sorted(decision.choice for decision in _held(folder).values()) == ["accept", "accept", "decline"]


def test_a_bulk_decision_on_other_rows_than_the_person_was_told_of_is_refused(folder):
    browser = _open(folder)
    answer = browser.ask(do="decide_undecided", choice="accept", expect=2)
    assert (answer["ok"], answer["say"]) == (False, "6 undecided rows are shown now; look again, then decide")
    assert _held(folder) == {}


def test_take_back_and_undo_are_answered_with_what_they_did(folder):
    browser = _open(folder)
    key = browser.key("TCP/5432")
    browser.ask(do="decide", keys=[key], choice="accept")
    assert browser.ask(do="forget", keys=[key])["say"] == "forget: 1 suggestion"
    assert _held(folder) == {}
    assert browser.ask(do="undo")["say"] == "undo: 1 suggestion"
    assert _held(folder)[key].choice == "accept"
    browser.ask(do="undo")
    assert browser.ask(do="undo")["say"] == "nothing is left to undo"


def test_an_edit_that_does_not_hold_what_was_seen_is_refused_in_one_sentence_and_changes_nothing(folder):
    browser = _open(folder)
    key = browser.key("203.0.113.7")
    assert "is not accepted; accept it before" in browser.ask(do="widen", key=key, widen={"ports": "1-9"})["say"]
    browser.ask(do="decide", keys=[key], choice="accept")
    before = (folder / DECISIONS).read_bytes()
    for widen, said in (
        ({"addresses": "198.51.100.0/24"}, "`addresses` that do not hold 203.0.113.7"),
        ({"addresses": "everything"}, "'everything' is no range of addresses such as 203.0.113.0/24; nothing was"),
        ({"ports": "9-1"}, "it should go up, from 1 to at most 65535; nothing was changed"),
        ({"service_ports": ["http"]}, "'http', which is no port number; nothing was changed"),
        ({"service_ports": [1] * 1001}, "1,001 entries; give at most 1,000"),
        ("all", "`widen` should hold keys such as"),
    ):
        answer = browser.ask(do="widen", key=key, widen=widen)
        assert (answer["ok"], said in answer["say"]) == (False, True), answer
    assert (folder / DECISIONS).read_bytes() == before


def test_an_edit_is_recorded_shown_and_taken_back_to_exactly_what_was_seen(folder):
    browser = _open(folder)
    key = browser.key("203.0.113.7")
    browser.ask(do="decide", keys=[key], choice="accept")
    browser.ask(do="detail", key=key)
    assert browser.ask(do="widen", key=key, widen={"addresses": "203.0.113.0/24"})["ok"]
    assert browser.widget.detail["widen"]["data"] == {"addresses": "203.0.113.0/24"}
    assert "cidr: 203.0.113.0/24" in browser.widget.detail["now"][0]["text"]
    assert browser.ask(do="widen", key=key, widen={})["ok"]
    assert "cidr: 203.0.113.7/32" in browser.widget.detail["now"][0]["text"]
    assert not _held(folder)[key].widen
    assert _held(folder)[key].widen is not None


def test_of_two_widgets_on_one_folder_the_second_is_told_and_overwrites_nothing(folder):
    one, other = _open(folder), _open(folder, "bob")
    key, second = one.key("TCP/5432"), one.key("TCP/9090")
    one.ask(do="decide", keys=[key], choice="accept")
    assert other.ask(do="look")["changed_on_disk"] is True
    answer = other.ask(do="decide", keys=[second], choice="decline")
    assert (answer["ok"], answer["changed_on_disk"]) == (False, True)
    assert "nothing was overwritten" in answer["say"]
    assert other.widget.summary["outdated"] == answer["say"]
    assert set(_held(folder)) == {key}
    assert other.ask(do="reload")["ok"]
    assert other.widget.summary["outdated"] == ""
    assert other.ask(do="decide", keys=[second], choice="decline")["ok"]
    assert {decision.by for decision in _held(folder).values()} == {"ann", "bob"}


def test_what_another_kernel_decided_is_not_exported_unseen(folder):
    browser = _open(folder)
    Desk(folder, "bob").decide([browser.key("TCP/5432")], "accept")
    answer = browser.ask(do="export", folder=str(folder / "out"))
    assert (answer["ok"], answer["changed_on_disk"]) == (False, True)
    assert not (folder / "out").exists()


def test_a_decisions_file_damaged_by_hand_is_told_and_what_was_read_stays(folder):
    browser = _open(folder)
    (folder / DECISIONS).write_text("kind: something else\n")
    answer = browser.ask(do="reload")
    assert (answer["ok"], "this is no decisions file" in answer["say"]) == (False, True)
    assert browser.widget.page["total"] == 6


def test_export_writes_the_approved_policies_and_refuses_half_decided_directions_unless_told(folder, tmp_path):
    browser = _open(folder)
    browser.ask(do="decide", keys=[browser.key("TCP/5432")], choice="accept")
    out = tmp_path / "policies"
    answer = browser.ask(do="export", folder=str(out))
    assert (answer["ok"], "half decided" in answer["say"]) == (False, True)
    assert not out.exists()
    answer = browser.ask(do="export", folder=str(out), allow_incomplete=True)
    assert (answer["ok"], answer["files"]) == (True, ["shop/api-podfence.yaml", "shop/db-podfence.yaml"])
    assert (out / "kustomization.yaml").exists()
    for bad in ("", "  ", "a\x00b", "x" * 3000):
        assert browser.ask(do="export", folder=bad)["ok"] is False


def test_the_detail_says_what_accepting_would_cut_off_and_what_of_the_yaml_changes(folder):
    browser = _open(folder)
    browser.ask(do="detail", key=browser.key("TCP/5432"))
    detail = browser.widget.detail
    assert detail["closes"] == ["ingress of shop/Deployment/db", "egress of shop/Deployment/api"]
    assert [row["what"] for row in detail["cut"]["rows"]] == ["shop/Deployment/report -> shop/Deployment/db TCP/5433"]
    assert [document["name"] for document in detail["then"]] == ["shop/api-podfence", "shop/db-podfence"]
    assert detail["now"] == []
    first = detail["differences"][0]["lines"]
    assert ("+", "kind: NetworkPolicy") in [tuple(line) for line in first]
    assert ["Connections", "70"] in [list(pair) for pair in detail["evidence"]]


def test_with_an_inventory_the_difference_against_the_cluster_is_shown(folder):
    bare = _open(folder)
    bare.ask(do="detail", key=bare.key("TCP/5432"))
    assert [part["against"] for part in bare.widget.detail["differences"]] == [
        "that accepting it makes", "since this review was opened",
    ]  # fmt: skip
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "db-podfence", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "old"}}, "policyTypes": ["Ingress"]},
    }  # fmt: skip
    browser = _open(folder, inventory=inventory([policy]))
    key = browser.key("TCP/5432")
    browser.ask(do="decide", keys=[key], choice="accept")
    browser.ask(do="detail", key=key)
    shown = browser.widget.detail["differences"][2]
    assert (shown["against"], shown["note"]) == ("against the cluster", "1 not in the cluster yet")
    assert ["-", "      app: old"] in [list(line) for line in shown["lines"]]


@pytest.mark.parametrize(
    "message",
    [
        None, "decide", [], {}, {"do": None}, {"do": ["decide"]}, {"do": "__init__"}, {"do": "x" * 50},
        {"do": "decide"}, {"do": "decide", "keys": []}, {"do": "decide", "keys": [1], "choice": "accept"},
        {"do": "decide", "keys": ["nonsense"], "choice": "accept"}, {"do": "decide", "keys": ["a"], "choice": "maybe"},
        {"do": "decide_undecided", "choice": "accept", "expect": "6"}, {"do": "decide_undecided", "choice": "accept"},
        {"do": "rows", "text": 7}, {"do": "rows", "text": "x" * 3000}, {"do": "rows", "sort": "password"},
        {"do": "rows", "status": "gone"}, {"do": "rows", "effect": "gone"}, {"do": "rows", "offset": "1"},
        {"do": "rows", "port": "http"}, {"do": "detail", "key": "nonsense"}, {"do": "detail", "key": {}},
        {"do": "widen", "key": "nonsense", "widen": None}, {"do": "export", "folder": 7},
    ],
)  # fmt: skip
def test_a_message_of_another_form_is_answered_with_one_sentence_and_changes_nothing(folder, message):
    browser = _open(folder)
    browser.widget._handle_custom_msg(message, [])
    (answer,) = browser.answers
    assert answer["ok"] is False
    assert len(answer["say"].splitlines()) == 1
    assert not (folder / DECISIONS).exists()
    assert browser.widget.page["total"] == 6


def test_a_fault_of_ours_is_answered_too_and_is_not_swallowed(folder):
    browser = _open(folder)
    del browser.widget._session._desk
    browser.ask(do="undo")
    assert (browser.answers[-1]["ok"], "podfence failed here (AttributeError)" in browser.answers[-1]["say"]) == (
        False, True,
    )  # fmt: skip
    with pytest.raises(AttributeError):
        browser.widget._answer(None, {"do": "undo"}, [])


def test_where_no_widget_can_be_shown_the_line_is(folder):
    widget = review_widget(folder)
    bundle = widget._repr_mimebundle_()[0]
    assert bundle["text/plain"] == repr(widget) == f"review of {folder}: {widget.summary['line']}"
    assert bundle["text/html"].startswith("<p>review of ")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_folder_without_a_review_is_one_sentence(tmp_path):
    with pytest.raises(PodfenceError, match=r"no such file; write it with `podfence suggest`"):
        review_widget(tmp_path)


def test_without_anywidget_the_sentence_says_what_to_install(folder):
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "from recommender.notebook import review_widget\n"
        "from collectors.errors import PodfenceError\n"
        f"try: review_widget({str(folder)!r})\n"
        "except PodfenceError as fault: print(fault)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert "which is not installed; `pip install 'podfence[notebook]'`" in done.stdout


def test_ten_thousand_suggestions_are_given_a_page_at_a_time(tmp_path):
    save_suggestions(large(), tmp_path)
    browser = _open(tmp_path)
    assert (browser.widget.page["total"], len(browser.widget.page["rows"])) == (10_000, 100)
    browser.ask(do="rows", offset=9_950, sort="seen")
    assert browser.widget.page["offset"] == 9_900
    key = browser.widget.page["rows"][-1]["key"]
    assert browser.ask(do="decide", keys=[key], choice="accept")["ok"]
    browser.ask(do="picture", show="graph", dns=True)
    sizes = {name: len(json.dumps(getattr(browser.widget, name))) for name in ("summary", "page", "detail")}
    assert max(sizes.values()) < 100_000, sizes
    assert len(browser.widget.picture["boxes"]) == 25
