"""The matrix: every pair that talks has one cell with its worst fate, large clusters by namespace first."""

from dataclasses import replace

import pytest

from collectors.inventory import WorkloadRef
from recommender.report.facts import Facts
from recommender.report.graph import MOST_WORKLOADS, graph_of
from recommender.report.matrix import matrix, matrix_of
from recommender.report.page import report_html
from recommender.report.views import MARKS

from .shop import API, BANK, PAYMENTS, POSTGRES, WEB, communication, conclusion, inventory, outcome, troubled_shop
from .test_report_page import Page
from .test_report_picture import crowd


def graph(whole):
    return graph_of(Facts(whole).all)


def cells(html):
    """Return the titled cells of a part of the page: title -> mark."""
    found, parts = {}, str(html).split('<td title="')[1:]
    for part in parts:
        title, _, rest = part.partition('"')
        found[title] = rest.split('">', 1)[1].split("<")[0]
    return found


@pytest.mark.parametrize("view", ["before", "after"])
def test_every_pair_that_talks_has_one_cell(view):
    made = graph(troubled_shop())
    assert len(cells(matrix_of(made, view))) == len({(line.src, line.dst) for line in made.lines})


def test_d31_a_cell_shows_the_worst_and_tells_all():
    seen = (communication(WEB, API, port=80), communication(WEB, API, port=81), communication(WEB, API, port=82))
    whole = conclusion(seen, inventory())
    verdicts = {80: "allowed", 81: "denied", 82: "undecidable"}
    whole = replace(whole, outcomes=tuple(outcome(item, verdicts[item.port]) for item in seen))
    (title, mark), = cells(matrix_of(graph(whole), "after")).items()  # fmt: skip
    assert mark == MARKS["would_break"] == "✖"
    assert title == (
        "shop/web → shop/api TCP/81: worked, would be denied; TCP/82: cannot be decided; TCP/80: worked, stays allowed"
    )
    (title, mark), = cells(matrix_of(graph(whole), "before")).items()  # fmt: skip
    assert mark == "●"
    assert title == ("shop/web → shop/api TCP/81: worked when seen; TCP/82: worked when seen; TCP/80: worked when seen")


def test_what_would_break_has_a_mark_of_its_own():
    marks = [mark for change, mark in MARKS.items() if change not in {"worked", "failed"}]
    assert len(set(marks)) == len(marks)


def test_the_shop_shows_its_matrix_below_its_picture_before_and_after():
    html = report_html(troubled_shop())
    assert html.count("<summary>The same as a matrix</summary>") == 2
    found = cells(html.split('class="view after"')[1])
    key = f"{PAYMENTS.namespace}/{PAYMENTS.name} → {BANK.address} TCP/443: worked, would be denied"
    assert found[key] == "✖"
    assert any(title.startswith(f"shop/report → data/{POSTGRES.name} ") and mark == "✖" for title, mark in
               found.items())  # fmt: skip


def test_few_workloads_with_too_many_lines_for_a_picture_get_a_matrix_of_workloads():
    whole = crowd(MOST_WORKLOADS, 9)
    made = graph(whole)
    assert made.workloads == MOST_WORKLOADS
    shown = matrix(graph_of(Facts(whole).all))
    assert len(cells(shown)) == 2 * len({(line.src, line.dst) for line in made.lines})


def breaking_crowd(count=MOST_WORKLOADS + 12, every=40):
    whole = crowd(count)
    outcomes = tuple(
        replace(found, verdict="denied" if number % every == 0 else "allowed")
        for number, found in enumerate(whole.outcomes)
    )
    return replace(whole, outcomes=outcomes)


def test_d31_a_large_cluster_has_a_matrix_for_each_pair_of_namespaces_of_which_something_would_break():
    whole = breaking_crowd()
    broken = {(o.communication.src, o.communication.dst) for o in whole.outcomes if o.verdict == "denied"}
    html = report_html(whole)
    page = Page(html)
    pairs = [values["id"] for _, values in page.tags if values.get("id", "").startswith("breaks-")]
    assert len(pairs) == len({(src.namespace, dst.namespace) for src, dst in broken})
    assert {link[1:] for link in page.links if link.startswith("#breaks-")} == set(pairs)
    crossed = [title for title, mark in cells(html).items() if mark == "✖"]
    assert sorted(title.split(" TCP")[0] for title in crossed) == sorted(
        f"{src.namespace}/{src.name} → {dst.namespace}/{dst.name}" for src, dst in broken
    )


def test_where_nothing_would_break_there_is_no_further_matrix():
    assert 'class="breaking"' not in report_html(crowd(MOST_WORKLOADS + 12))


def test_a_pair_too_wide_for_a_matrix_is_a_list():
    refs = tuple(WorkloadRef("big", "Deployment", f"app-{n:03}") for n in range(90))
    seen = tuple(communication(refs[0], ref, port=80) for ref in refs[1:])
    whole = conclusion(seen, inventory(refs))
    whole = replace(whole, outcomes=tuple(outcome(item, "denied") for item in seen))
    rows = [row for row in Page(str(matrix(graph_of(Facts(whole).all)))).rows if row[0] == "app-000"]
    assert len(rows) == 89


def test_names_are_bounded_in_titles():
    src = WorkloadRef("shop", "Deployment", "n" * 5000)
    whole = conclusion((communication(src, API),), inventory((src, API)))
    html = report_html(whole)
    part = html.split('id="picture"')[1].split("Without any traffic")[0].split("The same as a table")[0]
    assert "n" * 201 not in part
    assert "n" * 150 in part
