"""Collectors observe: they read the world (captures, API objects) and say what was there, never what it means.

Law: nothing here imports `recommender`; a tool holds it (`make check`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collectors.inventory_store import load_inventory
    from collectors.sources import read_flows

__all__ = ["load_inventory", "read_flows"]

_HOMES = {"read_flows": "collectors.sources", "load_inventory": "collectors.inventory_store"}


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for: `podfence --help` must not load pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module 'collectors' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - late on purpose

    return getattr(import_module(_HOMES[name]), name)
