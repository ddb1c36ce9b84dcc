"""What is drawn: every row in a line or a cell, or counted as not drawn."""

from hypothesis import given
from hypothesis import strategies as st

from recommender.notebook.picture import MOST_WORKLOADS, picture
from recommender.notebook.rows import Wanted, every_line, lines, place, places
from recommender.review import decided, review
from recommender.what_if import what_if
from tests.recommender.notebook.reviews import large, shop

LARGE = large()


def _lines(seen, wanted=None, decisions=()):
    reviewed = review(seen, decisions)
    return lines(every_line(reviewed, what_if(reviewed), places(seen)), wanted or Wanted())


def test_every_row_is_in_a_line_of_the_graph_and_in_a_cell_of_the_matrix():
    for seen in (shop(), large(workloads=100, rows=400, namespaces=6)):
        found = _lines(seen)
        graph, matrix = (picture(found, show, dns=True) for show in ("graph", "matrix"))
        assert sum(edge["count"] for edge in graph["edges"]) == len(found) == graph["rows"]
        assert sum(cell["count"] for cell in matrix["cells"]) == len(found)


def test_name_resolution_is_left_out_and_counted_unless_it_is_wanted():
    found = _lines(shop())
    hidden, drawn = picture(found, "graph", dns=False), picture(found, "graph", dns=True)
    assert (hidden["hidden"], hidden["rows"], drawn["hidden"], drawn["rows"]) == (1, 5, 0, 6)


def test_a_line_has_the_worst_effect_of_its_rows():
    seen = shop()
    accept = [decided(seen, item, "accept") for item in seen.items if item.communication.port == 8080]
    drawn = picture(_lines(seen, decisions=accept), "graph", dns=True)
    spots = {node["key"]: node["label"] for node in drawn["nodes"]}
    effects = {(spots[e["from"]], spots[e["to"]]): (e["effect"], e["count"]) for e in drawn["edges"]}
    assert effects["Deployment/web", "Deployment/api"] == ("would_break", 2)
    assert effects["Deployment/api", "Deployment/db"] == ("not_affected", 1)


def test_many_workloads_are_drawn_as_their_namespaces_but_for_the_one_in_focus():
    whole = picture(_lines(LARGE), "graph", dns=True)
    assert (whole["whole"], len(whole["boxes"]), whole["nodes"]) == (True, 25, [])
    ref = next(iter(LARGE.subjects))
    for focus in (place(ref).box, place(ref).key):
        near = picture(_lines(LARGE, Wanted(touching=place(ref).box)), "graph", focus, dns=True)
        assert [box["key"] for box in near["boxes"] if not box["whole"]] == [place(ref).box]
        assert 0 < len(near["nodes"]) <= MOST_WORKLOADS


def test_lines_that_are_not_drawn_are_counted():
    ref = next(iter(LARGE.subjects))
    drawn = picture(_lines(LARGE, Wanted(touching=place(ref).box)), "graph", place(ref).box, dns=True)
    assert drawn["not_drawn"] == 0
    assert sum(edge["count"] for edge in drawn["edges"]) == drawn["rows"]


def _overlap(one, other):
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])  # fmt: skip


@given(st.integers(2, 70), st.integers(1, 120), st.integers(1, 12))
def test_boxes_lie_apart_inside_the_picture_and_ends_inside_their_box(workloads, rows, namespaces):
    rows = min(rows, workloads * (workloads - 1))
    drawn = picture(_lines(large(workloads, rows, namespaces)), "graph", dns=True)
    boxes, nodes = drawn["boxes"], drawn["nodes"]
    assert not [(a, b) for at, a in enumerate(boxes) for b in boxes[at + 1 :] if _overlap(a, b)]
    assert not [(a, b) for at, a in enumerate(nodes) for b in nodes[at + 1 :] if _overlap(a, b)]
    assert all(box["x"] + box["w"] <= drawn["width"] and box["y"] + box["h"] <= drawn["height"] for box in boxes)
    assert all(sum(_overlap(node, box) for box in boxes) == 1 for node in nodes)


def test_nothing_to_draw_is_an_empty_picture():
    assert picture((), "", dns=True) == {"show": ""}
    assert picture((), "graph", dns=True)["boxes"] == []
    assert picture((), "matrix", dns=True)["cells"] == []
