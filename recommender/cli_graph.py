"""Turns `podfence graph` into a call of the function of that name, and its drawing into DOT, Mermaid or JSON."""

import argparse
from pathlib import Path
from typing import Any

from recommender.cli_options import OBSERVATIONS, Say, add_command, add_inventory_path, place, run_options

FORMATS = ("dot", "mermaid", "json")


def add_graph(commands: Any, show: Say, say: Say) -> None:
    """Add `graph`; `show` prints data, `say` talks."""
    text = "who talks to whom, as Graphviz DOT, Mermaid or JSON; with policies, what they would do to it"
    graph = add_command(commands, "graph", lambda given: _graph(given, show, say), text)
    graph.add_argument("observations", type=place, metavar="OBS", help=OBSERVATIONS)
    add_inventory_path(graph, required=False)
    graph.add_argument(
        "--policies", nargs="+", type=Path, default=[], metavar="PATH",
        help="YAML files or folders to judge it under (default: only what was observed)",
    )  # fmt: skip
    graph.add_argument(
        "--format", choices=FORMATS, default="dot", help="language of the picture (default: %(default)s)"
    )
    graph.add_argument(
        "--namespace", nargs="+", action="extend", default=[], metavar="NS", help="only what touches these namespaces"
    )
    graph.add_argument(
        "--workload", nargs="+", action="extend", default=[], metavar="NS/KIND/NAME",
        help="only what touches these workloads (or the namespaces above)",
    )  # fmt: skip


def _graph(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender import drawings_dot, drawings_json, drawings_mermaid, graphing  # noqa: PLC0415 - late: pandas

    drawing = graphing.graph(
        given.observations,
        given.inventory,
        given.policies,
        namespaces=given.namespace,
        workloads=given.workload,
        options=run_options(given),
        say=say,
    )
    chosen = "json" if given.json else given.format
    write = {"dot": drawings_dot.to_dot, "mermaid": drawings_mermaid.to_mermaid, "json": drawings_json.to_json}[chosen]
    text = write(drawing)
    show(text)
    say(f"{len(drawing.nodes)} ends, {len(drawing.edges)} lines")
    breaking = sum(len(edge.ports) for edge in drawing.edges if edge.change == "would_break")
    if breaking:
        say(f"{breaking} communications that worked when observed would be denied")
    most_edges, most_letters = drawings_mermaid.MOST_EDGES, drawings_mermaid.MOST_LETTERS
    if chosen == "mermaid" and (len(drawing.edges) > most_edges or len(text) > most_letters):
        say(
            f"Mermaid draws at most {most_edges} lines and {most_letters} characters unless its maxEdges and "
            "maxTextSize are raised; name fewer with --namespace or --workload"
        )
    return 0
