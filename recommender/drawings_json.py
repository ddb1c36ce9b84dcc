"""Turns a drawing into plain data and into JSON text: sorted, ASCII, the same bytes for the same drawing."""

import json
from typing import Any, Final

from recommender.drawings import Drawing

KIND: Final = "podfence/drawing"
VERSION: Final = 1


def drawing_data(drawing: Drawing) -> dict[str, Any]:
    """Return nodes and edges as lists, dicts and text; edges name nodes by id."""
    return {
        "kind": KIND,
        "version": VERSION,
        "judged": drawing.judged,
        "nodes": [
            {"id": node.id, "label": node.label, "namespace": node.namespace, "kind": node.kind}
            for node in drawing.nodes
        ],
        "edges": [
            {
                "src": edge.src,
                "dst": edge.dst,
                "dns": edge.dns,
                "before": edge.before,
                "after": edge.after or None,
                "class": edge.change,
                "ports": [
                    {"port": str(port), "protocol": port.protocol, "number": port.number or None, "reason": reason}
                    for port, reason in zip(edge.ports, edge.reasons, strict=True)
                ],
            }
            for edge in drawing.edges
        ],
    }


def to_json(drawing: Drawing) -> str:
    """Return the drawing as JSON, without a newline at the end."""
    return json.dumps(drawing_data(drawing), indent=2)
