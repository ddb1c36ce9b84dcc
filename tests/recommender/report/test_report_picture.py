"""The picture draws everything that was observed, boxes and labels clear of each other, and says when it cannot."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer
from recommender.drawings import BEFORE, CHANGES, Port, drawing_of
from recommender.drawings_words import ports_text
from recommender.report.facts import Facts
from recommender.report.graph import MOST_WORKLOADS, OUTSIDE, graph_of
from recommender.report.layers import layers
from recommender.report.layout import LETTER, Box, lay_out
from recommender.report.matrix import MOST_COLUMNS
from recommender.report.page import report_html
from recommender.report.picture import LOOP, picture
from recommender.report.style import STYLE

from .shop import WEB, communication, conclusion, inventory, shop, troubled_shop
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


def key(port):
    return port.protocol, port.number


def name(end):
    """Return the id of an end in a drawing."""
    return drawing_of([communication(end, WEB)]).edges[0].src


def overlap(one, other):
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


@pytest.mark.parametrize("whole", [shop(), troubled_shop(), shop(accept=False), crowd(50)])
def test_every_communication_is_in_exactly_one_line_and_every_line_has_its_path(whole):
    made = graph(whole)
    told = [(edge.src, edge.dst, *port) for line in made.lines for edge in line.edges for port in map(key, edge.ports)]
    seen = [(*map(name, (c.src, c.dst)), c.protocol, c.port) for c in whole.communications]
    assert sorted(told) == sorted(seen)
    assert sum(line.count for line in made.lines) == len(seen)
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
        Box(loop.x, loop.leaves - 1, LOOP + len(loop.line.label) * LETTER, loop.enters - loop.leaves + 2)
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
    judged = [change for change in CHANGES if change not in BEFORE]
    for change in judged:
        assert f'class="wire {change}' in html
        rule = re.search(rf"\.wire\.{change}[,{{][^}}]*", html)[0]
        dashes.append(rule.partition("stroke-dasharray:")[2].split(";")[0])
    assert len(set(dashes)) == len(judged)


def test_the_picture_has_a_title_and_a_description_and_a_table_beside_it_and_holds_links_so_it_is_no_image():
    page = Page(report_html(shop()))
    images = [values for tag, values in page.tags if tag == "svg" and values.get("role") == "group"]
    assert len(images) == 2
    for image in images:
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
    assert 'class="canvas"' not in html
    namespaces = {ref.namespace for ref in whole.isolation}
    cells = [cell for row in page.rows if row[0] in namespaces for cell in row[1:]]
    counted = sum(int(part) for cell in cells for part in cell.split() if part.isdigit())
    assert counted == 2 * len(whole.communications)  # before, and after
    assert graph(whole).workloads > MOST_WORKLOADS


def test_more_namespaces_than_a_matrix_can_hold_are_listed_in_pairs():
    refs = tuple(WorkloadRef(f"ns-{n:03}", "Deployment", "app") for n in range(MOST_COLUMNS + 2))
    seen = tuple(communication(refs[n], refs[n + 1]) for n in range(MOST_COLUMNS + 1))
    page = Page(report_html(conclusion(seen, inventory(refs))))
    pairs = [row for row in page.rows if len(row) == 3 and row[0].startswith("ns-")]
    assert len(pairs) == 2 * (MOST_COLUMNS + 1)


def test_many_outside_ends_share_a_node_and_none_is_lost():
    seen = tuple(communication(AddressPeer(f"198.51.100.{n}", "external"), WEB, port=443) for n in range(40))
    made = graph(conclusion(seen, inventory()))
    outside = [node for node in made.nodes if node.lane == OUTSIDE]
    assert [node.title for node in outside] == ["40 addresses"]
    assert sum(line.count for line in made.lines) == 40


def test_few_outside_ends_are_drawn_apart():
    seen = tuple(communication(AddressPeer(f"198.51.100.{n}", "external"), WEB) for n in range(5))
    assert len([node for node in graph(conclusion(seen, inventory())).nodes if node.lane == OUTSIDE]) == 5


def test_ports_are_told_in_a_few_letters():
    def label(*ports):
        return ports_text([Port(*port) for port in ports], 2)

    assert label(("TCP", 80)) == "TCP/80"
    assert label(("TCP", 53), ("UDP", 53)) == "TCP+UDP/53"
    assert label(("TCP", 80), ("TCP", 81), ("TCP", 82)) == "TCP/80,81 +1"
    assert label(("ICMP", 0)) == "ICMP"


def test_d31_what_would_break_is_thick_dashed_crossed_out_and_says_so():
    whole = troubled_shop()
    html = report_html(whole)
    after = html.split('class="view after"')[1].split("<section")[0]
    drawn = after.split('class="canvas"')[1].split("</svg>")[0]
    breaking = [line for line in graph(whole).lines if line.change == "would_break"]
    assert breaking
    assert drawn.count('class="cross would_break wire') == len(breaking)
    assert drawn.count("breaks</text>") == len({(line.dst, line.ports) for line in breaking})
    rule = html.split(".wire.would_break{")[1].split("}")[0]
    assert "stroke-dasharray" in rule
    widths = [
        float(width) for width in re.findall(r"^\.wire\.[a-z_,.]+\{[^}]*stroke-width:([\d.]+)", html, re.MULTILINE)
    ]
    assert max(widths) == float(re.search(r"stroke-width:([\d.]+)", rule)[1])
    assert widths.count(max(widths)) == 1


def test_before_shows_what_worked_and_what_failed_and_after_what_becomes_of_it():
    whole = troubled_shop()
    shown = str(picture(graph(whole), {}))
    before, after = shown.split('class="view before"')[1].split('class="view after"')
    assert 'class="wire worked' in before
    assert 'class="wire failed' in before
    assert not [change for change in CHANGES if change not in BEFORE and f'class="wire {change}' in before]
    assert not [name for name in BEFORE if f'class="wire {name}' in after]
    assert 'class="cross' not in before.split('class="canvas"')[1]


def test_the_same_boxes_stand_in_the_same_places_before_and_after():
    before, after = str(picture(graph(troubled_shop()), {})).split('class="view after"')
    boxes = [re.findall(r'class="node n[^>]*><title>[^<]*</title><rect[^>]*>', view) for view in (before, after)]
    assert boxes[0]
    assert boxes[0] == boxes[1]


def test_the_switch_needs_no_script_and_paper_shows_both():
    html = report_html(shop())
    page = Page(html)
    radios = [values for tag, values in page.tags if values.get("type") == "radio"]
    assert {values["name"] for values in radios} == {"picture"}
    assert sum("checked" in values for values in radios) == 1
    assert ".views>.view>h3{display:block!important}" in html.split("@media print")[1]


def test_where_nothing_was_judged_there_is_no_after():
    whole = replace(shop(), outcomes=())
    html = report_html(whole)
    assert 'class="wire worked' in html
    assert 'class="views"' not in html


def test_every_colour_can_be_seen_on_its_ground_and_breaks_stays_apart_for_the_colour_blind():
    light, dark = (dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", part)) for part in STYLE.split("@media")[:2])
    for colours in (light, dark):
        for name in ("allowed", "breaks", "undecidable", "denied", "open", "closed"):
            assert contrast(colours[name], colours["bg"]) >= 4.5, name
        for blind in BLIND.values():
            seen = {name: blind @ linear(colours[name]) for name in ("allowed", "breaks", "closed", "denied")}
            for name in ("allowed", "closed", "denied"):
                assert np.abs(seen[name] - seen["breaks"]).max() > 0.12, name


BLIND = {  # Machado, Oliveira and Fernandes 2009, severity 1.0
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}  # fmt: skip


def linear(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = np.array([int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    lights = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)
