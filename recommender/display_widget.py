"""Turns a review folder into the review widget, or into a sentence where this Python cannot show one."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from collectors.inventory import Inventory
from recommender.display import Shown
from recommender.report.markup import tag

WITHOUT = (
    "The review widget needs anywidget, which is not installed: run `pip install 'podfence[notebook]'` and restart the "
    "kernel. Until then decide with `pf.Desk`, which works without it."
)


def review_widget(folder: str | Path, by: str = "", inventory: Inventory | None = None) -> Any:
    """Return the widget to review a folder in, as `by`; without anywidget a sentence that says what to install.

    Decisions made before are shown, and never lost: widget, `pf.Desk`, command and editor share decisions.yaml. With an
    inventory the policies in the cluster are compared too.
    """
    if find_spec("anywidget") is None:
        return Shown(tag("p", WITHOUT), WITHOUT)
    from recommender.notebook import review_widget as widget  # noqa: PLC0415 - late: it needs anywidget

    return widget(folder, by, inventory)
