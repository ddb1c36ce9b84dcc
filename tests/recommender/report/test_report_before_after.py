"""The page's part on before and after: every class is counted, what changes is listed, and names are text only."""

from dataclasses import replace

import pytest

from recommender.before_after import BeforeAfter, Change
from recommender.outcomes import EndVerdict, Outcome
from recommender.report.before_after import before_after_part
from tests.recommender.simulated import seen, workload

from .test_report_hostile import HOSTILE, KNOWN_TAGS
from .test_report_page import Page


def _change(before, after, src="web", **evidence):
    communication = seen(src, "api")
    communication = replace(communication, evidence=replace(communication.evidence, **evidence))
    end = EndVerdict("allowed", False)
    return Change(*(Outcome(communication, verdict, end, end, f"{verdict} <b>") for verdict in (before, after)))


def test_every_class_is_counted_and_what_changes_is_listed():
    found = BeforeAfter((
        _change("allowed", "denied"), _change("allowed", "allowed"), _change("denied", "allowed", connections=0),
    ))  # fmt: skip
    part = before_after_part(found, {workload("web"): "w1"})
    for text in ("would break", "stays allowed", "newly allowed", "denied &lt;b&gt;", 'href="#w1"'):
        assert text in part
    assert part.count("<details") == 2
    assert "<b>would break</b>" in part


def test_what_worked_though_denied_before_is_listed():
    assert "worked, though denied before" in before_after_part(BeforeAfter((_change("denied", "allowed"),)), {})


def test_nothing_seen_is_no_part():
    assert before_after_part(BeforeAfter(), {}) is None


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_make_no_markup(name):
    page = Page(str(before_after_part(BeforeAfter((_change("allowed", "denied", src=workload(name)),)), {})))
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
