"""Turns podfence's values into tables where IPython shows them; the values themselves know nothing of it.

A method `_repr_html_` on each of them would make suggestions, reviews and observations import their own views, and
with these the report and the simulator. IPython takes the view from outside, by the name of the class.
"""

from typing import Any

SHOWN = {
    "collectors.inventory": ("Inventory",),
    "collectors.observation": ("Observation",),
    "recommender.communications": ("AddressPeer", "Communication"),
    "recommender.coverage_model": ("Coverage",),
    "recommender.desk": ("Change", "Desk"),
    "recommender.outcomes": ("Excess", "Outcome"),
    "recommender.policy": ("NetworkPolicy",),
    "recommender.review": ("Decision", "Reviewed"),
    "recommender.suggest": ("Suggestion", "Suggestions", "Withheld"),
    "recommender.summary": ("Conclusion",),
    "recommender.what_if": ("WhatIf",),
}
"""The classes by their modules."""


def register(shell: Any) -> None:
    """Tell an IPython shell how to show these classes; none of their modules is loaded for it."""
    formatters = shell.display_formatter.formatters
    for module, names in SHOWN.items():
        for name in names:
            formatters["text/html"].for_type_by_name(module, name, _html)
            formatters["text/plain"].for_type_by_name(module, name, _plain)


def _html(value: Any) -> str:
    from recommender.display import html_of  # noqa: PLC0415 - late: only what is shown needs it

    return html_of(value)


def _plain(value: Any, printer: Any, cycle: bool) -> None:  # noqa: ARG001 - IPython calls it so
    from recommender.display import words_of  # noqa: PLC0415 - late, as above

    printer.text(words_of(value))
