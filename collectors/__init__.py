"""Collectors observe: they read the world (captures, API objects) and say what was there, never what it means.

Law: nothing here imports `recommender`; a tool holds it (`make check`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collectors.inventory_store import load_inventory
    from collectors.observation import compact, merge
    from collectors.sources import read_flows
    from collectors.store import load, save

__all__ = ["compact", "load", "load_inventory", "merge", "read_flows", "save"]

_HOMES = {
    "read_flows": "collectors.sources",
    "compact": "collectors.observation",
    "merge": "collectors.observation",
    "load": "collectors.store",
    "save": "collectors.store",
    "load_inventory": "collectors.inventory_store",
}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for: `podfence --help` must not load pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module 'collectors' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - late on purpose

    return getattr(import_module(_HOMES[name]), name)
