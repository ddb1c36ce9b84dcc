"""Turns a review folder into a widget to decide in, in a Jupyter notebook: a view over `recommender.desk`."""

from pathlib import Path
from typing import TYPE_CHECKING

from collectors.errors import PodfenceError
from collectors.inventory import Inventory

if TYPE_CHECKING:
    from recommender.notebook.widget import ReviewWidget


def review_widget(folder: str | Path, by: str = "", inventory: Inventory | None = None) -> "ReviewWidget":
    """Return a widget to review a folder's suggestions in; each decision is on disk before the next one.

    `by` is who decides, and stands in the decisions. With an inventory the policies in the cluster are compared too.
    Raises PodfenceError where anywidget is not installed, or the folder holds no review.
    """
    try:
        from recommender.notebook.widget import ReviewWidget  # noqa: PLC0415 - late: an optional dependency
    except ModuleNotFoundError as fault:
        if fault.name not in {"anywidget", "ipywidgets", "traitlets"}:
            raise
        raise PodfenceError(
            "the review widget needs anywidget, which is not installed; `pip install 'podfence[notebook]'`"
        ) from fault
    return ReviewWidget(Path(folder), by, inventory)
