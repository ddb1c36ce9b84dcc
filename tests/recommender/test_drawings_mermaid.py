"""The Mermaid text is a flowchart of ours and nothing else, whatever the names in it are."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.drawings import Drawing
from recommender.drawings_mermaid import to_mermaid
from recommender.drawings_words import edge_text
from recommender.text import visible

from .drawing_cases import HOSTILE, hostile, small

LABEL = r'"((?:[A-Za-z0-9 ._/,+-]|#\d+;)+)"'
LINES = {  # every line is exactly one of these
    "head": re.compile(r"flowchart LR"),
    "subgraph": re.compile(rf"  subgraph s\d+\[{LABEL}\]"),
    "end": re.compile(r"  end"),
    "node": re.compile(rf"    n\d+\[{LABEL[:-1]}<br/>{LABEL[1:]}\]"),
    "edge": re.compile(rf"  n\d+ (-->|--x|--o|==>|-\.->|-\.-x)\|{LABEL}\| n\d+"),
    "style": re.compile(
        r"  linkStyle \d+(,\d+)* stroke:#[0-9a-f]{6},stroke-width:[\d.]+px(,stroke-dasharray:\d+ \d+)?"
    ),
}


def read(text):
    """Return (what a line is, its labels as shown) for each line, and refuse any other."""
    found = []
    for line in text.split("\n"):
        kinds = [kind for kind, form in LINES.items() if form.fullmatch(line)]
        assert len(kinds) == 1, line
        labels = [shown(label) for label in re.findall(r'"([^"]*)"', line)]
        found.append((kinds[0], labels))
    return found


def shown(label):
    """Return what Mermaid shows for a label: its entity codes are those of HTML with another first letter."""
    return unescape(re.sub(r"#(\d+);", r"&#\1;", label))


def test_fates_differ_in_arrow_and_style():
    text = to_mermaid(small())
    edges = [line for line in text.split("\n") if LINES["edge"].fullmatch(line)]
    assert len(edges) == len(small().edges)
    breaking = [place for place, edge in enumerate(small().edges) if edge.change == "would_break"]
    assert [place for place, line in enumerate(edges) if " --x|" in line] == breaking
    style = next(line for line in text.split("\n") if line.startswith(f"  linkStyle {','.join(map(str, breaking))} "))
    assert "stroke-width:4px" in style
    assert "stroke-dasharray" in style
    styled = [int(n) for line in text.split("\n") if "linkStyle" in line for n in re.findall(r"\d+", line.split()[1])]
    assert sorted(styled) == list(range(len(edges)))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_labels_and_nothing_else(name):
    drawing = hostile(name)
    found = read(to_mermaid(drawing))
    assert [kind for kind, _ in found].count("edge") == len(drawing.edges)
    assert [kind for kind, _ in found].count("subgraph") == [kind for kind, _ in found].count("end")
    told = {label.strip() for kind, labels in found if kind == "node" for label in labels[0].split("<br/>")}
    expected = {visible(part).strip() for node in drawing.nodes for part in (node.label, node.kind)}
    assert expected <= told if "<br/>" not in name else told
    assert {labels[0] for kind, labels in found if kind == "edge"} == {
        visible(edge_text(edge)) for edge in drawing.edges
    }  # fmt: skip


@given(st.text(max_size=40))
def test_any_text_stays_inside_its_quotes(name):
    read(to_mermaid(hostile(name)))


def test_an_empty_drawing_is_an_empty_flowchart():
    assert to_mermaid(Drawing()) == "flowchart LR"
