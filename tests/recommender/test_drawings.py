"""A drawing says of everything that was seen what becomes of it, once, the same every time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, meaning
from recommender.drawings import CHANGES, LONGEST_NAME, Drawing, Port, drawing_of
from recommender.drawings_json import to_json
from recommender.drawings_words import by_namespace, edge_text, ports_text

from .drawing_cases import API, BANK, HOSTILE, NODE, QUEUE, WEB, hostile, judged, seen, small

REFS = st.builds(WorkloadRef, *[st.sampled_from(["a", "b/c", "b", "c"])] * 3)
ADDRESSES = st.builds(
    AddressPeer, st.sampled_from(["10.0.0.1", "a/b"]), st.sampled_from(["node", "a"]), st.sampled_from(["", "a"])
)
SPOKEN = st.builds(
    seen, REFS | ADDRESSES, REFS | ADDRESSES, st.sampled_from([0, 53, 80]), st.sampled_from(["TCP", "UDP"]),
    st.sampled_from([0, 1]),
)  # fmt: skip
OUTCOMES = st.builds(judged, SPOKEN, st.sampled_from(["allowed", "denied", "undecidable"]))


def change(worked, verdict, *, declined=False):
    spoken = seen(WEB, API, connections=worked)
    drawing = drawing_of([judged(spoken, verdict)], {meaning(spoken)} if declined else ())
    return drawing.edges[0].change


@pytest.mark.parametrize(
    ("worked", "verdict", "declined", "expected"),
    [
        (1, "allowed", False, "allowed"),
        (1, "allowed", True, "open"),
        (0, "allowed", False, "open"),
        (1, "denied", False, "would_break"),
        (1, "denied", True, "closed"),
        (0, "denied", False, "denied"),
        (0, "denied", True, "denied"),
        (1, "undecidable", False, "undecidable"),
        (0, "undecidable", True, "undecidable"),
    ],
)
def test_d31_only_what_worked_and_nobody_declined_can_break(worked, verdict, declined, expected):
    assert change(worked, verdict, declined=declined) == expected


def test_what_nobody_judged_has_only_a_before():
    drawing = drawing_of([seen(WEB, API), seen(WEB, API, 81, connections=0)])
    assert not drawing.judged
    assert [(edge.before, edge.after, edge.change) for edge in drawing.edges] == [
        ("worked", "", "worked"), ("failed", "", "failed"),
    ]  # fmt: skip
    assert small().judged


def test_one_way_datagrams_count_as_worked():
    assert drawing_of([seen(WEB, API, protocol="UDP", connections=0, one_way=1)]).edges[0].before == "worked"


@given(st.lists(OUTCOMES | SPOKEN, max_size=20, unique_by=lambda item: str(getattr(item, "communication", item))))
def test_every_communication_is_on_one_edge_and_every_end_has_one_id(items):
    drawing = drawing_of(items)
    spoken = [getattr(item, "communication", item) for item in items]
    assert len({node.id for node in drawing.nodes}) == len(drawing.nodes)
    ids = {node.end: node.id for node in drawing.nodes}
    assert ids.keys() == {end for one in spoken for end in (one.src, one.dst)}
    told = [(edge.src, edge.dst, port) for edge in drawing.edges for port in edge.ports]
    expected = [(ids[one.src], ids[one.dst], Port(one.protocol, one.port)) for one in spoken]
    assert sorted(told) == sorted(expected)
    assert all(len(edge.ports) == len(edge.reasons) and edge.change in CHANGES for edge in drawing.edges)


@given(st.lists(OUTCOMES, max_size=12, unique_by=lambda item: meaning(item.communication)), st.randoms())
def test_the_order_of_outcomes_changes_nothing(items, random):
    shuffled = [*items]
    random.shuffle(shuffled)
    assert to_json(drawing_of(items)) == to_json(drawing_of(shuffled))


def test_name_resolution_is_kept_apart():
    edges = drawing_of([seen(WEB, API, 53, "UDP"), seen(WEB, API, 53), seen(WEB, API, 80)]).edges
    assert [(edge.dns, len(edge.ports)) for edge in edges] == [(False, 1), (True, 2)]


def test_a_part_of_a_drawing_has_what_touches_the_chosen_and_the_ends_of_that():
    drawing = drawing_of([seen(WEB, API), seen(API, QUEUE), seen(QUEUE, BANK), seen(NODE, BANK)])
    part = drawing.within(namespaces={"data"})
    assert [edge.dst for edge in part.edges] == ["external 2001:db8::23", "data/StatefulSet/queue"]
    assert {node.end for node in part.nodes} == {API, QUEUE, BANK}
    assert {node.end for node in drawing.within(workloads={WEB}).nodes} == {WEB, API}
    assert {node.end for node in drawing.within({"data"}, {WEB}).nodes} == {WEB, API, QUEUE, BANK}
    assert drawing.within() == drawing


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_bounded_and_still_told_apart(name):
    drawing = hostile(name)
    for node in drawing.nodes:
        assert max(map(len, (node.label, node.kind, node.namespace))) <= LONGEST_NAME * 2 + 1
        assert len(node.id) < 1000
        assert node.id.isascii()
    assert len({node.id for node in drawing.nodes}) == len({node.end for node in drawing.nodes}) == 3
    long = drawing_of([seen(WorkloadRef("a", "b", "n" * 5000 + end), WEB) for end in "xy"])
    assert len({node.id for node in long.nodes}) == 3


def test_labels_say_in_words_what_would_break_and_what_is_not_known():
    texts = {edge.change: edge_text(edge) for edge in small().edges}
    assert texts["would_break"].endswith(" breaks")
    assert texts["would_break"].startswith("✖ TCP/")
    assert texts["undecidable"].startswith("? TCP/")
    assert texts["allowed"] == "TCP/8001"
    assert ports_text([Port("TCP", number) for number in range(80, 90)]) == "TCP/80,81,82,83,84,85 +4"


def test_nodes_stand_by_namespace_and_addresses_last():
    assert [(name, len(nodes)) for name, nodes in by_namespace(small())] == [("data", 1), ("shop", 2), (None, 2)]


def test_an_empty_drawing_is_one():
    assert drawing_of([]) == Drawing()
    assert json.loads(to_json(Drawing()))["nodes"] == []
