"""DOT is a graph that Graphviz draws, whatever the names in it are."""

import html
import os
import re
import shutil
import subprocess

import pytest

from recommender.drawings import CHANGES, Drawing
from recommender.drawings_dot import to_dot
from recommender.text import visible

from .drawing_cases import HOSTILE, hostile, small

TOKEN = re.compile(r'\s*(?:("(?:[^"\\\n]|\\.)*")|(->|[{}\[\];=,])|([A-Za-z_][A-Za-z0-9_]*|\d+(?:\.\d+)?))')


def tokens(text):
    """Return DOT's tokens, and refuse what is none."""
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        assert match, f"no token: {text[at : at + 40]!r}"
        found.append(match.group().strip())
        at = match.end()
    return found


def plain(label):
    """Return what Graphviz shows for a quoted label of ours."""
    return html.unescape(re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[1:-1]))


def labels(text):
    found = tokens(text)
    return [plain(value) for name, sign, value in zip(found, found[1:], found[2:], strict=False)
            if (name, sign) == ("label", "=")]  # fmt: skip


def test_fates_differ_in_more_than_colour():
    styles = {}
    for line in to_dot(small()).split("\n"):
        if " -> " in line:
            change = re.search(r'class="(\w+)"', line)[1]
            styles[change] = re.sub(r"(label|tooltip|class|color|fontcolor)=\"[^\"]*\",? ?", "", line.split("[")[1])
    assert set(styles) == {"allowed", "would_break", "undecidable", "open", "denied"}
    assert len(set(styles.values())) == len(styles)
    assert "dashed" in styles["would_break"]
    widths = {change: float(re.search(r"penwidth=([\d.]+)", style)[1]) for change, style in styles.items()}
    assert max(widths, key=widths.get) == "would_break"
    assert set(styles) <= set(CHANGES)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_inside_their_quotes(name):
    drawing = hostile(name)
    found = tokens(to_dot(drawing))
    assert {token for token in found if not token.startswith('"')} <= {
        "digraph", "podfence", "graph", "node", "edge", "subgraph", "{", "}", "[", "]", ";", "=", ",", "->",
        "label", "tooltip", "class", "color", "fontcolor", "style", "penwidth", "arrowhead", "rankdir", "compound",
        "fontname", "nodesep", "ranksep", "labeljust", "shape", "fontsize", "LR", "true", "Helvetica", "box",
        "rounded", "l", "gray", "dashed", "solid", "dotted", "normal", "normaltee", "tee", "vee", "odot", "empty",
        "cluster_0", "cluster_1", "cluster_2", *(f"n{n}" for n in range(3)), *re.findall(r"\d+(?:\.\d+)?", " ".join(
            token for token in found if token[0].isdigit())),
    }  # fmt: skip
    assert found.count("->") == len(drawing.edges)
    shown = {f"{visible(node.label)}\n{visible(node.kind)}" for node in drawing.nodes}
    assert shown <= set(labels(to_dot(drawing)))


@pytest.mark.skipif(
    shutil.which("dot") is None and "CI" not in os.environ, reason="needs Graphviz (Debian: apt-get install graphviz)"
)
@pytest.mark.parametrize("drawing", [small(), Drawing(), *map(hostile, HOSTILE)])
def test_graphviz_reads_it_and_shows_every_name_as_it_is(drawing):
    done = subprocess.run(["dot", "-Tsvg"], input=to_dot(drawing).encode(), capture_output=True, check=True, timeout=60)
    svg = done.stdout.decode().replace("&#160;", " ")
    texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)]
    for node in drawing.nodes:
        assert {visible(node.label).strip(), visible(node.kind).strip()} - {""} <= {text.strip() for text in texts}
    assert len(re.findall('<g id="edge', svg)) == len(drawing.edges)
    assert not re.findall("<(?:script|image|b)[ >]|href", svg)
