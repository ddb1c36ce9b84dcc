"""The JSON of a drawing is what the drawing is: plain, sorted, ASCII."""

import json

import pytest

from recommender.drawings_json import KIND, VERSION, drawing_data, to_json

from .drawing_cases import HOSTILE, hostile, small


def test_it_says_what_it_is_and_names_nodes_by_id():
    data = json.loads(to_json(small()))
    assert (data["kind"], data["version"], data["judged"]) == (KIND, VERSION, True)
    ids = [node["id"] for node in data["nodes"]]
    assert "shop/Deployment/web" in ids
    assert {edge[end] for edge in data["edges"] for end in ("src", "dst")} == set(ids)
    breaking = [edge for edge in data["edges"] if edge["class"] == "would_break"]
    assert breaking[-1] == {
        "src": "node 192.168.50.11 kube-system/DaemonSet/node-exporter",
        "dst": "data/StatefulSet/queue",
        "dns": False,
        "before": "worked",
        "after": "denied",
        "class": "would_break",
        "ports": [{"port": "TCP/80", "protocol": "TCP", "number": 80, "reason": "no rule lets it"}],
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_back_as_data_and_nothing_else(name):
    drawing = hostile(name)
    text = to_json(drawing)
    assert text.isascii()
    assert all(letter == "\n" or letter.isprintable() for letter in text)
    assert json.loads(text) == drawing_data(drawing)
