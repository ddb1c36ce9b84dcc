"""Names are attacker-controlled: in everything that a view is given they are plain, bounded text."""

import json

import pytest

from collectors.inventory import WorkloadRef
from recommender.notebook import review_widget
from recommender.store import save_suggestions
from tests.recommender.notebook.browser import Browser
from tests.recommender.notebook.reviews import communication, suggestions

pytest.importorskip("anywidget", reason="the review widget needs anywidget: pip install 'podfence[notebook]'")

HOSTILE = ("<script>alert(1)</script>", '"><img src=x>', "a\x1b[31m", "../../etc", "\u202egnp.exe", "\ud800", "x" * 253)


def test_hostile_names_are_plain_bounded_text_in_all_that_a_view_is_given(tmp_path):
    refs = [WorkloadRef("shop", "Deployment", name) for name in HOSTILE]
    api = WorkloadRef("shop", "Deployment", "api")
    save_suggestions(
        suggestions([communication(ref, api, services=HOSTILE, example=HOSTILE[2]) for ref in refs]), tmp_path
    )
    browser = Browser(review_widget(tmp_path, HOSTILE[4]))
    for row in browser.widget.page["rows"]:
        browser.ask(do="detail", key=row["key"])
        for show in ("graph", "matrix"):
            browser.ask(do="picture", show=show, dns=True)
            state = [getattr(browser.widget, name) for name in ("summary", "page", "detail", "picture")]
            text = json.dumps(state, ensure_ascii=False)
            text.encode()  # a lone surrogate could not be sent
            assert not [letter for letter in ("\x1b", "\u202e", "\\u001b") if letter in text]
    labels = [row["from"][1] for row in browser.widget.page["rows"]]
    assert "Deployment/<script>alert(1)</script>" in labels
    assert "Deployment/<U+202E>gnp.exe" in labels
    assert browser.ask(do="decide_undecided", choice="accept", expect=len(HOSTILE))["ok"]
    assert "<script>" not in browser.widget._repr_mimebundle_()[0]["text/html"]
