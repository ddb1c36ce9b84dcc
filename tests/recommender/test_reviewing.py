"""What reviewers see: each suggestion once, and everything of it as text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from collectors.inventory import WorkloadRef
from recommender.desk import Change
from recommender.filters import Filter
from recommender.policy import IPBlock
from recommender.review import Decision, Reviewed, decided, review
from recommender.reviewing import (
    Standing,
    by_direction,
    in_order,
    list_data,
    list_lines,
    status_data,
    status_lines,
)
from recommender.reviewing_changes import change_data, change_lines
from recommender.reviewing_merges import refuse_conflict_markers
from recommender.reviewing_show import show_data, show_lines
from recommender.reviewing_words import cut, what, widening_from_words, widening_of
from recommender.text import visible
from recommender.what_if import what_if
from recommender.widening import Widening
from tests.cluster import deployment, flow
from tests.recommender.report.test_report_hostile import HOSTILE, spoken_by
from tests.recommender.test_suggest import PARTS, _suggest

SEEN = _suggest(
    flow("10.0.0.1", "10.0.0.3", 3000, connections=7), flow("10.0.0.1", "10.0.0.3", 3001),
    flow("10.0.0.3", "8.8.8.8", 443),
)  # fmt: skip
ITEMS = {f"{item.communication.src} {item.communication.port}": item for item in SEEN.items}
WEB = ITEMS["shop/Deployment/web 3000"]


def _said(item, choice):
    if choice == "stale":
        return Decision(item.id, "accept", "something else")
    return decided(item_of(item), item, choice)


def item_of(item):
    return replace(SEEN, items=(item,))


def _standing(*decisions):
    return Standing(review(SEEN, decisions))


def test_each_suggestion_is_listed_once_under_the_workload_that_is_reached():
    lines = list(list_lines(_standing(), SEEN.items))
    rows = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(rows) == sorted(item.id for item in SEEN.items)
    heads = [line for line in lines if not line.startswith("  ")]
    assert heads == ["ingress of shop/Deployment/api", "egress of shop/Deployment/api"]
    row = next(line for line in lines if WEB.id in line)
    assert row.split() == [
        WEB.id, "undecided", "shop/Deployment/web", "->", "shop/Deployment/api", "TCP/3000", "7", "worked",
        "short_window",
    ]  # fmt: skip


def test_how_often_and_the_caveats_stand_in_columns_whatever_was_counted():
    often, let_through = flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001, outcome="allowed")
    found = _suggest({**often, "connections": 12_000}, let_through)
    rows = [line for line in list_lines(Standing(review(found, ())), found.items) if line.startswith("  ")]
    assert [("12,000 worked" in row, "1 let through" in row) for row in rows] == [(True, False), (False, True)]
    assert len({min(row.find(word) for word in ("short_window", "seen_once") if word in row) for row in rows}) == 1


@given(st.integers(1, 6))
def test_a_limit_shows_that_many_and_counts_the_rest(limit):
    data = list_data(_standing(), SEEN.items, limit)
    assert len(data["suggestions"]) == min(limit, len(SEEN.items))
    assert len(data["suggestions"]) + data["left_out"] == len(SEEN.items)
    lines = list(list_lines(_standing(), SEEN.items, limit))
    assert len([line for line in lines if line.startswith("  ")]) == len(data["suggestions"])
    assert (lines[-1] == f"and {data['left_out']} more: ask for fewer, or raise --limit") == bool(data["left_out"])


def test_an_empty_review_is_listed_as_nothing():
    assert list(list_lines(Standing(Reviewed(replace(SEEN, items=()))), ())) == []


def test_b28_what_is_declined_where_nothing_isolates_is_still_open():
    assert _standing(_said(WEB, "decline")).said(WEB) == "declined, still open"
    other = ITEMS["shop/Deployment/web 3001"]
    assert _standing(_said(WEB, "decline"), _said(other, "accept")).said(WEB) == "declined"


def test_the_undecided_come_first_and_stale_ones_are_undecided():
    ids = [item.id for _, group in by_direction(SEEN.items) for item in group]
    reviewed = review(SEEN, [Decision(ids[0], "accept"), Decision(ids[1], "accept", "something else")])
    assert [item.id for item in in_order(reviewed, Filter())] == [*ids[1:], ids[0]]
    assert [item.id for item in in_order(reviewed, Filter(port="443"))] == [ITEMS["shop/Deployment/api 443"].id]


def test_a_suggestion_without_an_end_to_select_is_refused_in_a_sentence():
    lost = replace(WEB, ingress_of=None, egress_of=None)
    with pytest.raises(PodfenceError, match="has no end that a policy could select; write the suggestions again"):
        by_direction([lost])


def test_the_status_tells_what_is_half_decided_stale_and_an_orphan():
    other = ITEMS["shop/Deployment/web 3001"]
    standing = _standing(_said(WEB, "accept"), _said(other, "stale"), Decision("gone", "decline", "a -> b TCP/1"))
    text = "\n".join(status_lines(standing))
    assert text.startswith("1 accepted, 0 declined, 2 undecided (1 of them stale)\nif exported now: 1 allowed, 1 would")
    assert "half decided: ingress of shop/Deployment/api: 1 undecided, 1 of them would break\n" in text
    assert "stale: 1 decisions meant something else when they were decided" in text
    assert f"  {other.id}  accept  something else" in text
    assert "orphan: 1 decisions are about nothing that is suggested now" in text
    assert "  gone  decline  a -> b TCP/1" in text
    data = status_data(standing)
    assert data["suggestions"] == {
        "accepted": 1, "declined": 0, "undecided": 2, "stale": 1, "orphaned_decisions": 1,
    }  # fmt: skip
    assert data["if_exported_now"] == what_if(standing.reviewed).counts
    assert {*data["stale"], *data["orphans"]} == {other.id, "gone"}
    assert data["finished"] is False


def test_many_half_decided_directions_are_counted_and_the_first_named():
    parts = [deployment(f"app-{n}", [f"10.1.0.{n}"]) for n in range(1, 31)]
    rows = [flow(f"10.1.0.{n}", "10.0.0.3", port) for n in range(1, 31) for port in (1, 2)]
    seen = _suggest(*rows, parts=[*PARTS, *parts])
    standing = Standing(review(seen, [decided(seen, i, "accept") for i in seen.items if i.communication.port == 1]))
    lines = list(status_lines(standing))
    assert len([line for line in lines if line.startswith("half decided: ")]) == 20
    assert "and 11 more directions are half decided; --json has all" in lines
    assert len(status_data(standing)["half_decided"]) == 31


def test_what_breaks_and_has_no_rule_is_told_and_does_not_keep_a_review_from_being_finished():
    seen = _suggest(flow("10.0.0.1", "10.0.0.3", 3000), flow("10.9.9.9", "10.0.0.3", 3000))
    standing = Standing(review(seen, [Decision(seen.items[0].id, "accept")]))
    assert "would break, and no rule can be written for it:\n  unresolved 10.9.9.9 ->" in "\n".join(
        status_lines(standing)
    )
    assert standing.finished
    (item,) = seen.items
    assert "cuts off 1 without any rule that could allow it" in "\n".join(show_lines(Standing(review(seen)), item))


def test_everything_of_a_suggestion_is_shown():
    decision = replace(
        _said(WEB, "accept"), by="ann", at="2026-11-23T12:00:00Z", why="asked", widen=Widening(ports=(2999, 3000))
    )
    standing = _standing(decision)
    (item,) = standing.reviewed.accepted
    text = "\n".join(show_lines(standing, item))
    for part in (
        f"{WEB.id}  accepted", "decides       ingress of shop/Deployment/api, egress of shop/Deployment/web",
        "reason        7 connections to port 3000", "seen          2026-11-01T11:00:00Z to 2026-11-01T11:00:01Z",
        "there         5 packets, 500 B", "back          4 packets, 400 B", "who began     the handshake was seen",
        "caveat        short_window: observed for less than a day",
        "decision      accept by ann at 2026-11-23T12:00:00Z",
        "caveat        widened: a recorded decision made the rule wider", "why           asked",
        "opens beyond  ports 2999-3000",
        "isolates ingress of shop/Deployment/api, egress of shop/Deployment/web (done)",
        "cuts off 1 undecided:", "# part of this policy:", "name: api-podfence", "name: web-podfence", "endPort: 3000",
    ):  # fmt: skip
        assert part in text, part
    data = show_data(standing, item)
    assert (data["status"], data["decision"]["why"], len(data["policies"])) == ("accepted", "asked", 2)
    assert [entry["direction"] for entry in data["accepting"]["isolates"]] == ["Ingress", "Egress"]
    assert data["evidence"]["connections"] == 7


def test_a_stale_decision_says_what_it_was_about():
    standing = _standing(_said(WEB, "stale"))
    text = "\n".join(show_lines(standing, WEB))
    assert "stale         decided of: something else" in text
    assert "# would be part of this policy:" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_visible_text_in_lists_details_status_and_changes(name):
    suggestions = spoken_by(name).reviewed.suggestions
    assert suggestions.items
    first = suggestions.items[0]
    odd = [Decision(name, "decline", name, name, name), Decision(first.id, "accept", name, name, name, at=name)]
    standing = Standing(review(suggestions, odd))
    texts = {
        "list": list(list_lines(standing, suggestions.items)),
        "show": [line for item in suggestions.items for line in show_lines(standing, item)],
        "status": list(status_lines(standing)),
        "changes": list(change_lines(Change("forget", {name: (odd[0], None), first.id: (odd[1], None)}))),
    }
    for place, lines in texts.items():
        assert all(line.isprintable() for line in lines), place
        assert all(line == visible(line) for line in lines), place
        assert visible(name) in "\n".join(lines), place


def test_names_without_end_are_cut():
    endless = replace(WEB.communication, src=WorkloadRef("n" * 100_000, "K" * 100_000, "\x1b" * 100_000))
    assert len(what(endless)) < 1000
    assert cut("\x1b" * 500).startswith("<U+001B>")
    assert len(cut("\x1b" * 500)) < 500
    assert cut("n" * 253) == "n" * 253


def test_changes_are_told_before_and_after_and_many_are_cut():
    accepted, declined = _said(WEB, "accept"), _said(WEB, "decline")
    change = Change("undo", {WEB.id: (accepted, declined)})
    assert list(change_lines(change)) == [f"declined  {WEB.id}  {WEB.communication}"]
    data = change_data(change, what_if(review(SEEN)))
    assert data["changed"][WEB.id]["before"]["decision"] == "accept"
    assert data["changed"][WEB.id]["after"]["decision"] == "decline"
    many = Change("accept", {str(n): (None, accepted) for n in range(30)})
    assert list(change_lines(many))[-1] == "and 10 more"
    assert list(change_lines(Change("accept"))) == ["nothing changed"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("exact", Widening()),
        ("addresses=203.0.113.0/24", Widening(addresses=IPBlock("203.0.113.0/24"))),
        ("addresses=203.0.113.0/24 except=203.0.113.8/32,203.0.113.0/30",
         Widening(addresses=IPBlock("203.0.113.0/24", ("203.0.113.0/30", "203.0.113.8/32")))),
        ("ports=1-9 protocols=udp,tcp", Widening(ports=(1, 9), protocols=("TCP", "UDP"))),
        ("service-port=80,443 source-namespace", Widening(service_ports=(80, 443), source=True)),
        ("destination-namespace", Widening(destination=True)),
    ],
)  # fmt: skip
def test_typed_words_are_a_widening(typed, meant):
    assert widening_from_words(typed) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "nothing to open was named"),
        ("ports", "'ports' is not understood"), ("exact ports=1-2", "'exact' is not"),
        ("ports=2-1", "this widens nothing: `ports` is '2-1'"), ("ports=1-2 ports=3-4", "'ports=3-4' is not"),
        ("service-port=x", "is no port number"), ("service-port=99999999", "is no port number"),
        ("except=10.0.0.0/8", "needs `addresses` beside it"), ("protocols=icmp", "'ICMP', which is none of"),
        ("source-namespace=1", "is not understood"), ("addresses=10.0.0.0/99", "is no range of addresses"),
    ],
)  # fmt: skip
def test_words_that_widen_nothing_are_refused_in_a_sentence(typed, said):
    with pytest.raises(PodfenceError, match=said):
        widening_from_words(typed)


def test_plain_data_that_widens_nothing_is_refused_in_a_sentence():
    with pytest.raises(PodfenceError, match="this widens nothing: `ports` is"):
        widening_of({"ports": "x"})


@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "=======", "||||||| base", ">>>>>>> theirs"])
def test_conflict_markers_are_named_with_their_line_and_what_to_do(mark):
    with pytest.raises(UnreadableInput, match=r"d\.yaml, line 3: git left both sides of a merge here; keep of each"):
        refuse_conflict_markers(f"kind: a\nversion: 1\n{mark}\nx: y\n", "d.yaml")


def test_what_only_looks_like_a_marker_is_none():
    refuse_conflict_markers('why: "<<<<<<< HEAD"\n  ======= \n', "d.yaml")
