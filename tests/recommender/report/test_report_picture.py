"""The picture draws everything that was observed, boxes and labels clear of each other, and says when it cannot."""

from itertools import combinations

import pytest

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer
from recommender.report import report_html
from recommender.report.facts import STATES, Facts
from recommender.report.graph import OUTSIDE, graph_of, ports_label
from recommender.report.layers import layers
from recommender.report.layout import LETTER, Box, lay_out
from recommender.report.page import MOST_WORKLOADS

from .shop import API, WEB, communication, conclusion, inventory, shop, troubled_shop
from .test_report_page import Page


def crowd(count, calls=3):
    """Return so many workloads over some namespaces, each calling a few others."""
    refs = tuple(WorkloadRef(f"team-{n % 12:02}", "Deployment", f"service-{n:03}") for n in range(count))
    seen = {
        (n, (n * step + 7) % count): communication(refs[n], refs[(n * step + 7) % count], port=8000 + step)
        for n in range(count)
        for step in range(2, 2 + calls)
    }
    return conclusion(tuple(seen.values()), inventory(refs))


def graph(whole):
    return graph_of(Facts(whole).all)


def overlap(one, other):
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@pytest.mark.parametrize("whole", [shop(), troubled_shop(), shop(accept=False), crowd(50)])
def test_every_communication_is_in_exactly_one_line_and_every_line_has_its_path(whole):
    made = graph(whole)
    told = [fact.communication for line in made.lines for fact in line.facts]
    assert sorted(map(str, told)) == sorted(map(str, whole.communications))
    drawing = lay_out(made)
    drawn = [line for path in drawing.paths for line in path.trunk.lines] + [loop.line for loop in drawing.loops]
    assert len(drawn) == len(made.lines)
    assert set(map(id, drawn)) == set(map(id, made.lines))


@pytest.mark.parametrize("whole", [shop(), troubled_shop(), crowd(50)])
def test_boxes_and_labels_overlap_nothing_and_stay_in_their_lanes(whole):
    made = graph(whole)
    drawing = lay_out(made)
    lanes = dict(drawing.lanes)
    for node, box in zip(made.nodes, drawing.nodes, strict=True):
        lane = lanes[node.lane]
        assert lane.y < box.y
        assert box.y + box.height < lane.y + lane.height
        assert box.x >= 0
        assert box.x + box.width <= drawing.width
    labels = []
    for path in drawing.paths:
        width = len(path.trunk.label) * LETTER
        x = path.tip[0] - 11 - width if path.trunk.side == "left" else path.tip[0] + 11
        labels.append(Box(x, path.tip[1] - 12, width, 10))
    labels += [
        Box(loop.x, loop.leaves - 1, 19 + len(loop.line.label) * LETTER, loop.enters - loop.leaves + 2)
        for loop in drawing.loops
    ]
    for one, other in combinations([*drawing.nodes, *labels], 2):
        assert not overlap(one, other)


@pytest.mark.parametrize("whole", [shop(), crowd(50)])
def test_every_line_can_be_followed_from_its_source_to_its_end_without_a_break(whole):
    made = graph(whole)
    drawing = lay_out(made)
    for path in drawing.paths:
        starts = {wire.start: wire for wire in path.wires}
        for line in path.trunk.lines:
            box = drawing.nodes[line.src]
            edges = {box.x, box.x + box.width}
            at = next(wire.start for wire in path.wires if wire.start[0] in edges and wire.lines == (line,))
            assert box.y <= at[1] <= box.y + box.height
            while at != path.tip:
                wire = next(w for w in path.wires if w.start == at and line in w.lines)
                at = wire.end
            target = drawing.nodes[line.dst]
            assert at[0] in {target.x, target.x + target.width}
            assert target.y <= at[1] <= target.y + target.height
        assert starts


def test_callers_stand_left_of_those_they_call_and_cycles_are_cut_once():
    assert layers(4, [(0, 1), (1, 2), (0, 2), (3, 2)]) == (0, 1, 2, 1)
    found = layers(3, [(0, 1), (1, 2), (2, 0)])
    assert sorted(found) == [0, 1, 2]
    assert layers(2, [(0, 0)]) == (0, 0)
    assert layers(0, []) == ()


def test_lines_differ_by_style_and_not_only_by_colour():
    html = report_html(troubled_shop())
    dashes = []
    for state in STATES:
        assert f'class="wire {state}' in html
        rule = html.split(f".wire.{state}{{")[1].split("}")[0]
        dashes.append(rule.partition("stroke-dasharray:")[2].split(";")[0])
    assert len(set(dashes)) == len(STATES)


def test_the_picture_is_an_image_with_a_title_a_description_and_a_table_beside_it():
    page = Page(report_html(shop()))
    image = next(values for tag, values in page.tags if values.get("role") == "img")
    assert set(image["aria-labelledby"].split()) <= set(page.ids)
    assert f"The same as a table ({len(shop().communications)} communications)" in page.text


def test_workloads_without_traffic_are_named_as_not_drawn():
    assert "Without any traffic, and so not drawn: 1 workload. " in "".join(Page(report_html(shop())).text)


def test_a_large_cluster_gets_a_matrix_that_counts_every_communication():
    whole = crowd(300)
    html = report_html(whole)
    page = Page(html)
    text = "".join(page.text)
    assert "300 workloads" in text
    assert "too many for a readable picture, so none is drawn" in text
    assert 'role="img"' not in html
    namespaces = {ref.namespace for ref in whole.isolation}
    cells = [cell for row in page.rows if row[0] in namespaces for cell in row[1:]]
    counted = sum(int(part) for cell in cells for part in cell.split() if part.isdigit())
    assert counted == len(whole.communications)
    assert graph(whole).workloads > MOST_WORKLOADS


def test_more_namespaces_than_a_matrix_can_hold_are_listed_in_pairs():
    refs = tuple(WorkloadRef(f"ns-{n:03}", "Deployment", "app") for n in range(80))
    seen = tuple(communication(refs[n], refs[n + 1]) for n in range(79))
    page = Page(report_html(conclusion(seen, inventory(refs))))
    pairs = [row for row in page.rows if len(row) == 3 and row[0].startswith("ns-")]
    assert len(pairs) == 79


def test_many_outside_ends_share_a_node_and_none_is_lost():
    seen = tuple(communication(AddressPeer(f"198.51.100.{n}", "external"), WEB, port=443) for n in range(40))
    made = graph(conclusion(seen, inventory()))
    outside = [node for node in made.nodes if node.lane == OUTSIDE]
    assert [node.title for node in outside] == ["40 addresses"]
    assert sum(len(line.facts) for line in made.lines) == 40


def test_few_outside_ends_are_drawn_apart():
    seen = tuple(communication(AddressPeer(f"198.51.100.{n}", "external"), WEB) for n in range(5))
    assert len([node for node in graph(conclusion(seen, inventory())).nodes if node.lane == OUTSIDE]) == 5


def test_ports_are_told_in_a_few_letters():
    def label(*ports):
        seen = [communication(WEB, API, protocol, port) for protocol, port in ports]
        return ports_label(Facts(conclusion(tuple(seen), inventory())).all)

    assert label(("TCP", 80)) == "TCP/80"
    assert label(("TCP", 53), ("UDP", 53)) == "TCP+UDP/53"
    assert label(("TCP", 80), ("TCP", 81), ("TCP", 82)) == "TCP/80,81 +1"
    assert label(("ICMP", 0)) == "ICMP"
