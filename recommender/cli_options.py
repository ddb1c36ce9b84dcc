"""Turns what commands share into arguments, and a command line into the pipeline's options."""

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.places import is_url
from recommender.cni_profiles import PROFILES
from recommender.widen_options import FORMS, widen_options

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from collectors.sources import Reading
    from recommender.pipeline import RunOptions

Say = Callable[[str], None]
"""How a command prints data, or talks."""
FINDING = 1
"""The exit status of a command that found something to act on."""
CLUSTER = "cluster"
"""The word for the cluster's own policies where files may be named too."""
OBSERVATIONS = "observation or learning store"
"""What `observe` and `learn` write."""
INVENTORY = "file or folder: kubectl JSON, or what `podfence inventory` wrote"
"""What an inventory may be."""


def unheard(tell: Say) -> Say:
    """Return how to say something that may go unheard: a reader who has gone stops no change half-way."""

    def told(text: str) -> None:
        with contextlib.suppress(OSError):
            tell(text)

    return told


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """Add a sub-command that `run` carries out."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def place(text: str) -> Path | str:
    """Return where a store is: a path, or a URL."""
    return text if is_url(text) else Path(text)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add what captures are read."""
    text = "captures and flow logs: files, folders of them, - for stdin, udp://HOST:PORT for NetFlow, s3://BUCKET/PATH"
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=text)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add how sources are read."""
    parser.add_argument(
        "--format", help="read every source as this format instead of looking (docs/formats.md lists them)"
    )
    parser.add_argument("--outer", action="store_true", help="count a tunnel's outer packets, not those inside")
    parser.add_argument("--vxlan-port", type=int, metavar="PORT", help="expect VXLAN here beside 4789 (else: 8472)")
    parser.add_argument(
        "--columns", metavar="MAPPING", help="with --format generic: field=column,... or a YAML file (docs/formats.md)"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="read by N processes, or threads")
    parser.add_argument(
        "--engine",
        choices=["local", "dask"],
        default="local",
        help="read on this machine (the default), or by Dask (podfence[dask])",
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="with --engine dask: by all workers of this cluster (tcp://HOST:PORT)"
    )
    text = "count only records of flow logs that begin {} (2026-11-23, or 2026-11-23T06:30:00Z)"
    parser.add_argument("--since", metavar="TIME", help=text.format("then or later"))
    parser.add_argument("--until", metavar="TIME", help=text.format("before"))


def add_inventory_path(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add where the inventory is, and ranges beside it; not required where flow logs may tell who is who."""
    text = INVENTORY if required else f"{INVENTORY}; without one, pods are who the flow logs say"
    parser.add_argument("--inventory", type=Path, required=required, metavar="INV", help=text)
    add_ranges(parser)


def add_ranges(parser: argparse.ArgumentParser) -> None:
    """Add ranges of the cluster beside those of the inventory."""
    for what in ("pod", "service"):
        text = f"{what} addresses are from this range, beside those the inventory tells; may be repeated"
        parser.add_argument(f"--{what}-cidr", action="append", default=[], metavar="CIDR", help=text)


def add_context(parser: argparse.ArgumentParser, told: str) -> None:
    """Add which cluster is meant."""
    parser.add_argument("--context", metavar="NAME", help=f"{told}, of the kubeconfig")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="default: $KUBECONFIG or ~/.kube/config")


def add_decisions(parser: argparse.ArgumentParser) -> None:
    """Add what is decided without a human looking at each suggestion."""
    parser.add_argument(
        "--accept", choices=["observed"], help="accept every suggestion that nobody has decided on, and record that"
    )
    parser.add_argument(
        "--widen", action="append", default=[], metavar="WHAT", help="let acceptances open more than was seen, and "
        f"record that; may be repeated: {', '.join(FORMS)}",
    )  # fmt: skip


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Add how policies are written."""
    parser.add_argument(
        "--default-deny", action="store_true", help="also isolate every pod of the namespaces that get policies"
    )
    parser.add_argument("--split", action="store_true", help="one policy for each direction of a workload")
    parser.add_argument("--per-namespace", action="store_true", help="one file for each namespace, not for each policy")
    parser.add_argument(
        "--named-ports", action="store_true", help="ingress ports by name where all pods of the workload agree on it"
    )
    known = ", ".join(PROFILES)
    parser.add_argument("--cni", choices=PROFILES, metavar="NAME", help=f"warn of what would not work there: {known}")
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="export workload directions that are only half decided"
    )


def reading(given: argparse.Namespace, stopped: Callable[[], bool], ready: "ProcessPoolExecutor | None") -> "Reading":
    """Return how a command line wants its sources read; `stopped` ends those that have no end of their own."""
    from collectors.capture.decode import VXLAN_PORTS  # noqa: PLC0415 - late: it loads pandas
    from collectors.formats.period import period_of  # noqa: PLC0415 - as above
    from recommender.pipeline import mapping_of  # noqa: PLC0415 - as above
    from recommender.reading_progress import show_progress  # noqa: PLC0415 - as above

    return {
        "format": given.format,
        "outer": given.outer,
        # in the place of Linux's old 8472
        "vxlan_ports": VXLAN_PORTS if given.vxlan_port is None else (VXLAN_PORTS[0], given.vxlan_port),
        "workers": given.workers,
        "engine": given.engine,
        "scheduler": given.scheduler,
        "mapping": mapping_of(given.columns) if given.columns else None,
        "stopped": stopped,
        "progress": show_progress,
        "period": period_of(given.since, given.until),
        "ready": ready,
    }


def run_options(given: argparse.Namespace) -> "RunOptions":
    """Return the options of the pipeline that a command line gives."""
    from recommender.pipeline import RunOptions  # noqa: PLC0415 - late: it loads pandas

    return RunOptions(
        accept_observed=getattr(given, "accept", None) == "observed",
        default_deny=getattr(given, "default_deny", False),
        allow_incomplete=getattr(given, "allow_incomplete", False),
        widen=widen_options(getattr(given, "widen", [])),
        named_ports=getattr(given, "named_ports", False),
        cni=getattr(given, "cni", None),
        split=getattr(given, "split", False),
        per_namespace=getattr(given, "per_namespace", False),
        pod_cidrs=tuple(getattr(given, "pod_cidr", [])),
        service_cidrs=tuple(getattr(given, "service_cidr", [])),
    )
