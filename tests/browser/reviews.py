"""Turns suggestions into a folder with a notebook of one widget, for what needs no pipeline."""

from recommender.desk import Desk
from recommender.store import save_suggestions
from tests.browser.review_page import ReviewPage, write_notebook

WIDGET = 'import recommender as pf\n\npf.review_widget("review", by="ann")'


def opened(page, lab, folder, suggestions, *more, dark=False):
    """Open and run a notebook with the widget on these suggestions, and `more` cells behind it."""
    save_suggestions(suggestions, folder / "review")
    write_notebook(folder / "review.ipynb", WIDGET, *more)
    review = ReviewPage(page, lab)
    review.open(folder / "review.ipynb", dark=dark)
    review.run()
    return review


def desk(folder):
    """Return what is on disk."""
    return Desk(folder / "review", by="the test")


def choices(folder):
    """Return what is decided, by what it is decided on."""
    found = desk(folder)
    named = {item.id: str(item.communication) for item in found.suggestions.items}
    return {named[key]: decision.choice for key, decision in found.decisions.items()}
