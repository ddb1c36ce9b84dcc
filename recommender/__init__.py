"""The recommender concludes: from what collectors observed to the smallest policies, and what these would do.

`import recommender as pf` is the one import for notebooks and scripts (docs/python.md). What it gives is loaded when it
is first asked for.

Law: no stage here does I/O; only `store`, `pipeline` and `cli` touch files. `generate` and `simulate` share nothing
but values, so that the check is a check; a tool holds it (`make check`).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collectors.claimed import inventory_of
    from collectors.inventory_store import load_inventory
    from collectors.sources import read_flows
    from recommender import exporting, pipeline
    from recommender.communications import summarize
    from recommender.coverage import coverage
    from recommender.desk import Desk
    from recommender.display import show
    from recommender.display_widget import review_widget
    from recommender.drift import drift
    from recommender.frames import (
        communications_frame,
        coverage_frame,
        outcomes_frame,
        policies_frame,
        suggestions_frame,
        withheld_frame,
    )
    from recommender.generate import GenerateOptions, generate
    from recommender.names import with_names
    from recommender.pipeline import RunOptions, conclude
    from recommender.policy import IPBlock
    from recommender.resolve import resolve
    from recommender.review import Decision, accept_observed, review
    from recommender.sightings import sightings
    from recommender.simulate import difference, excess, judge, reachable, simulate
    from recommender.simulate.explaining import explain
    from recommender.store import load_decisions, load_policies, load_suggestions, save_policies
    from recommender.suggest import SuggestOptions, suggest
    from recommender.vantages import once
    from recommender.what_if import what_if
    from recommender.widening import Widening

_HOMES = {
    "collectors.claimed": ("inventory_of",),
    "collectors.inventory_store": ("load_inventory",),
    "collectors.sources": ("read_flows",),
    "recommender.communications": ("summarize",),
    "recommender.coverage": ("coverage",),
    "recommender.desk": ("Desk",),
    "recommender.display": ("show",),
    "recommender.display_widget": ("review_widget",),
    "recommender.drift": ("drift",),
    "recommender.frames": (
        "communications_frame", "coverage_frame", "outcomes_frame", "policies_frame", "suggestions_frame",
        "withheld_frame",
    ),
    "recommender.generate": ("GenerateOptions", "generate"),
    "recommender.names": ("with_names",),
    "recommender.pipeline": ("RunOptions", "conclude"),
    "recommender.policy": ("IPBlock",),
    "recommender.resolve": ("resolve",),
    "recommender.review": ("Decision", "accept_observed", "review"),
    "recommender.sightings": ("sightings",),
    "recommender.simulate": ("difference", "excess", "judge", "reachable", "simulate"),
    "recommender.simulate.explaining": ("explain",),
    "recommender.store": ("load_decisions", "load_policies", "load_suggestions", "save_policies"),
    "recommender.suggest": ("SuggestOptions", "suggest"),
    "recommender.vantages": ("once",),
    "recommender.what_if": ("what_if",),
    "recommender.widening": ("Widening",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SUBMODULES = ("exporting", "pipeline")

__all__ = [
    "Decision", "Desk", "GenerateOptions", "IPBlock", "RunOptions", "SuggestOptions", "Widening", "accept_observed",
    "communications_frame", "conclude", "coverage", "coverage_frame", "difference", "drift", "excess", "explain",
    "exporting", "generate", "inventory_of", "judge", "load_decisions", "load_inventory", "load_policies",
    "load_suggestions", "once", "outcomes_frame", "pipeline", "policies_frame", "reachable", "read_flows", "resolve",
    "review", "review_widget", "save_policies", "show", "sightings", "simulate", "suggest", "suggestions_frame",
    "summarize", "what_if", "with_names", "withheld_frame",
]  # fmt: skip


class _Verb(ModuleType):
    """A module that can be called as the function of its own name.

    Python binds each submodule to its package, so `recommender.suggest` is the module as soon as anybody imports it. So
    that `pf.suggest(...)` means one thing whatever was imported before, such a module can be called.
    """

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._function()(*given, **named)

    def _function(self) -> Any:
        return self.__dict__[self.__name__.rpartition(".")[2]]

    @property
    def __signature__(self) -> Any:
        """What help shows: the function's."""
        from inspect import signature  # noqa: PLC0415 - late: only who asks for help needs it

        return signature(self._function())


class _Package(ModuleType):
    """This package, which makes modules that are called like a verb callable when they are bound to it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOME_OF.get(name) == value.__name__ == f"{__name__}.{name}":
            value.__class__ = _Verb
        super().__setattr__(name, value)


if not TYPE_CHECKING:  # type checkers would take any misspelt name for one that it might give

    def __getattr__(name: str) -> Any:
        """Import what is public when it is first asked for: `podfence --help` must not load pandas."""
        if name in _SUBMODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module(_HOME_OF[name])
        return home if home.__name__ == f"{__name__}.{name}" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Show podfence's values as tables in an IPython that began after the import: `%load_ext recommender`."""
    from recommender.display_ipython import register  # noqa: PLC0415 - late: only notebooks need it

    register(shell)


def _greet_a_running_notebook() -> None:
    """Do the same in the IPython that this import happens in, if it happens in one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is not None:
        load_ipython_extension(shell)


sys.modules[__name__].__class__ = _Package
_greet_a_running_notebook()
