"""What a reader without eyes, or in a hurry, finds the page by: all that can be held without a browser."""

from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from recommender.cni import CniWarning
from recommender.coverage import coverage
from recommender.existing import compare
from recommender.findings import Finding, findings
from recommender.report import facts
from recommender.report.cni import cni_part
from recommender.report.coverage import coverage_part
from recommender.report.facts import Facts
from recommender.report.findings import findings_part
from recommender.report.graph import graph_of
from recommender.report.inputs import inputs_part
from recommender.report.left_out import open_part, withheld_part
from recommender.report.matrix import matrix
from recommender.report.page import report_html
from recommender.report.picture import picture
from recommender.report.tables import MOST_UNFOLDED, excess_table, long_table
from recommender.report.verdict import verdict_part
from recommender.report.workloads import workloads_part
from recommender.review import Decision
from recommender.widening import Widening

from .shop import shop, troubled_shop
from .test_report_existing import POLICIES
from .test_report_hostile import HOSTILE, KNOWN_TAGS, spoken_by
from .test_report_page import Page

TAGS = KNOWN_TAGS | {"ul", "li", "figure", "figcaption", "polyline", "em"}
ORDER = (
    "verdict", "would-break", "excess", "undecided-denied", "withheld-denied", "declined-open", "widened", "cni",
    "findings", "coverage", "picture", "workloads", "withheld", "open", "existing", "stale", "orphans", "inputs",
)  # fmt: skip


def everything():
    """Return a conclusion in which every part of the page has something to say."""
    whole = troubled_shop()
    known = replace(whole.inventory, policies=POLICIES)
    item = next(item for item in whole.reviewed.accepted if item.egress_of)
    wider = replace(whole.reviewed.decisions[item.id], widen=Widening(ports=(1, 65535)))
    old = Decision("a" * 12, "decline", "what was", "ann")
    reviewed = replace(
        whole.reviewed, decisions={**whole.reviewed.decisions, item.id: wider}, stale=(old,), orphans=(old,)
    )
    return replace(
        whole,
        inventory=known,
        reviewed=reviewed,
        findings=findings(whole.observation, known, whole.communications),
        coverage=coverage(whole.communications, known, whole.observation.window, {}),
        existing=compare(whole.policies, reviewed, known, whole.outcomes),
        cni=(CniWarning("shop/web", "sctp", 1, "SCTP.", "https://example.org"),),
        isolation={**whole.isolation, next(iter(whole.isolation)): frozenset()},
    )


@pytest.fixture(params=[False, True], ids=["in full", "brief"])
def page(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(facts, "MOST_IN_FULL", 0)
    return Page(report_html(everything()))


def test_the_parts_stand_in_the_order_of_reading_and_the_contents_list_them_all(page):
    sections = [values["id"] for tag, values in page.tags if tag == "section" and "id" in values]
    assert sections == list(ORDER)
    links = [link[1:] for link in page.links]
    assert links[: len(ORDER) - 1] == list(ORDER[1:])


def test_the_page_has_one_of_each_landmark_and_the_contents_have_a_name(page):
    tags = [tag for tag, _ in page.tags]
    assert [tags.count(landmark) for landmark in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert [values["aria-label"] for tag, values in page.tags if tag == "nav"] == ["Contents"]
    assert page.tags[0][1]["lang"] == "en"


def test_no_heading_skips_a_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_header_of_a_table_says_what_it_heads_and_what_can_be_scrolled_has_a_name(page):
    assert all("scope" in values for tag, values in page.tags if tag == "th")
    scrolls = [values for tag, values in page.tags if values.get("class") in {"scroll", "canvas"}]
    assert scrolls
    assert all(values["aria-label"] and values["role"] == "group" for values in scrolls)
    assert all(values["tabindex"] == "0" for values in scrolls)


def test_every_switch_has_a_label_and_nothing_that_is_an_image_holds_a_link(page):
    labelled = {values["for"] for tag, values in page.tags if tag == "label"}
    assert {values["id"] for tag, values in page.tags if tag == "input"} == labelled
    assert all(tag == "svg" and "aria-label" in values for tag, values in page.tags if values.get("role") == "img")


class _Rows(HTMLParser):
    """Counts the cells of each row, and how wide the head of its table is."""

    def __init__(self, html):
        super().__init__()
        self.wide, self.cells = 0, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.wide = 0
        if tag == "tr":
            self.cells.append([self.wide, 0])
        if tag == "th" and ("scope", "col") in attrs:
            self.wide += 1
        if tag == "td":
            self.cells[-1][1] += int(dict(attrs).get("colspan", 1))


@pytest.mark.parametrize("part", ["evidence", "widened", "findings"])
def test_every_row_of_a_table_is_as_wide_as_its_head(part):
    html = report_html(everything())
    name = {"evidence": "workloads"}.get(part, part)
    section = html.split(f'<section id="{name}">')[1].split('<section id="')[0]
    found = [(wide, count) for wide, count in _Rows(section).cells if count]
    assert found
    assert all(wide == count for wide, count in found)


@pytest.mark.parametrize("count", [0, 1, MOST_UNFOLDED, MOST_UNFOLDED + 1, 3 * MOST_UNFOLDED])
def test_a_long_list_is_folded_after_its_first_rows_and_loses_none(count):
    html = long_table(("Number",), [(f"row {n}",) for n in range(count)], "Numbers")
    assert [row for row in Page(html).rows if row[0].startswith("row")] == [(f"row {n}",) for n in range(count)]
    assert ("<details" in html) == (count > MOST_UNFOLDED)


def _hostile_parts(name):
    whole = spoken_by(name)
    found = Facts(whole)
    finding = Finding("scan", "serious", name, name, (name,))
    window = whole.observation.window
    excess = replace(troubled_shop().excess[0], subject=name, peer=name, ports=name, rule=name)
    return {
        "verdict": verdict_part(found),
        "excess": excess_table([excess]),
        "cni": cni_part([CniWarning(name, "sctp", 1, name, name)]),
        "findings": findings_part([finding]),
        "coverage": coverage_part(coverage(whole.communications, whole.inventory, window, {}), found.ids),
        "picture": picture(graph_of(found.all), found.ids),
        "matrix": matrix(graph_of(found.all)),
        "workloads": workloads_part(found),
        "withheld": withheld_part(found),
        "open": open_part(Facts(replace(whole, isolation={ref: frozenset() for ref in whole.isolation}))),
        "inputs": inputs_part(found),
    }


PARTS = (
    "verdict",
    "excess",
    "cni",
    "findings",
    "coverage",
    "picture",
    "matrix",
    "workloads",
    "withheld",
    "open",
    "inputs",
)
SILENT = {"verdict"}
"""Parts that show no name at all."""


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("part", PARTS)
def test_a_hostile_name_is_text_in_this_part(part, name):
    html = str(_hostile_parts(name)[part])
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= TAGS
    assert all(link.startswith("#") for link in page.links)
    shown = [*page.text, *(value or "" for _, values in page.tags for value in values.values())]
    assert all(letter == "\n" or letter.isprintable() for text in shown for letter in text)
    assert not [name for _, values in page.tags for name in values if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("part", [part for part in PARTS if part not in SILENT])
def test_each_part_shows_the_name_that_the_hostile_tests_put_there(part):
    html = str(_hostile_parts("<i>me</i>")[part])
    assert "&lt;i&gt;me&lt;/i&gt;" in html
    assert "<i>me</i>" not in html


def test_what_a_shop_without_faults_has_nothing_to_say_of_is_not_on_its_page():
    ids = Page(report_html(shop())).ids
    assert not {"widened", "cni", "findings", "coverage", "existing", "stale", "orphans", "would-break"} & {*ids}
