"""A page lists what a reader needs most, says what it leaves out and where that is, and its numbers are of all."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import WorkloadRef
from recommender.report import facts, matrix
from recommender.report.facts import Facts
from recommender.report.graph import graph_of
from recommender.report.page import report_html

from .shop import communication, conclusion, inventory, outcome, shop, troubled_shop
from .test_report_evidence import rows
from .test_report_matrix import breaking_crowd
from .test_report_page import Page, cards

CASES = {"shop": shop, "troubled": troubled_shop, "undecided": lambda: shop(accept=False)}


def part(html, name):
    """Return one section of a page, as markup."""
    return html.split(f'<section id="{name}">')[1].split('<section id="')[0]


@pytest.mark.parametrize("case", CASES)
def test_a_page_with_room_for_all_is_the_same_whatever_its_room(case):
    whole = CASES[case]()
    assert report_html(whole, most=len(whole.communications)) == report_html(whole)
    assert 'id="ceiling"' not in report_html(whole)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("most", [0, 1, 3, 10])
@pytest.mark.parametrize("in_full", [0, 2000])
def test_a_crowded_page_has_a_row_for_exactly_what_it_lists_and_every_link_leads_somewhere(
    case, most, in_full, monkeypatch
):
    monkeypatch.setattr(facts, "MOST_IN_FULL", in_full)
    whole = CASES[case]()
    html = report_html(whole, most=most)
    page, found = Page(html), Facts(whole, most)
    assert {fact.anchor for fact in found.all} & {*rows(html)} == found.listed
    assert len(found.listed) == most
    assert Counter(page.ids).most_common(1)[0][1] == 1
    assert {link[1:] for link in page.links} <= {*page.ids}


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_of_a_crowded_page_are_those_of_all(case):
    whole = CASES[case]()
    full, crowded = report_html(whole), report_html(whole, most=2)
    assert cards(crowded) == cards(full)
    assert f"This page lists 2 of {len(whole.communications)} communications" in crowded
    for name in ("verdict", "coverage", "inputs"):
        assert (f'id="{name}"' in full) == (f'id="{name}"' in crowded)
    assert part(crowded, "verdict") == part(full, "verdict").split("<section")[0]


@given(st.integers(0, 40))
def test_what_is_listed_and_what_is_left_out_by_kind_are_together_all(most):
    whole = troubled_shop()
    total = len(whole.communications)
    html = report_html(whole, most=most)
    if most >= total:
        assert "Left out: " not in html
        return
    told = re.search(r"Left out: (.*?)\.", html)[1]
    assert sum(int(count) for count in re.findall(r"(\d+) [a-z]", told)) == total - most


def test_what_would_break_comes_first_then_what_waits_for_a_decision_then_the_busiest():
    found = Facts(troubled_shop())
    in_order = sorted(found.all, key=lambda fact: fact.need)
    ranks = [fact.need[0] for fact in in_order]
    assert ranks == sorted(ranks)
    breaking = [fact for fact in found.all if fact.state == "breaks"]
    assert breaking
    assert {fact.anchor for fact in in_order[: len(breaking)]} == {fact.anchor for fact in breaking}
    for first, second in pairwise(in_order):
        if first.need[:2] == second.need[:2]:
            assert first.communication.evidence.successes >= second.communication.evidence.successes


def test_what_a_page_lists_with_more_room_it_lists_all_that_it_listed_with_less():
    whole = troubled_shop()
    listed = [Facts(whole, most).listed for most in range(len(whole.communications) + 1)]
    assert all(less < more for less, more in pairwise(listed))


def test_a_policy_is_written_out_where_all_of_its_workloads_communications_are_listed_and_named_elsewhere():
    whole = shop()
    most = len(whole.communications) - 6
    found, html = Facts(whole, most), report_html(whole, most=most)
    written = [ref for ref in found.shown if ref in found.policies and found.complete(ref)]
    named = [ref for ref in found.shown if ref in found.policies and not found.complete(ref)]
    assert written
    assert named
    assert html.count('<pre class="yaml"') == len(written) + len(
        [policy for policy in found.other_policies if policy.namespace in {ref.namespace for ref in found.shown}]
    )
    assert html.count("which this page has no room for: see the file of this policy") == len(named)


def test_lists_of_other_things_end_too_and_say_how_many_are_left(monkeypatch):
    monkeypatch.setattr(facts, "MOST_BESIDE", 1)
    whole = troubled_shop()
    isolation = {ref: frozenset() for ref in whole.isolation}
    whole = replace(whole, excess=whole.excess * 3, isolation=isolation)
    html = report_html(whole, most=4)
    for name, count in (("excess", len(whole.excess)), ("open", len({ref for ref, _ in whole.open_directions}))):
        assert count > 1
        assert f"And {count - 1} more, which this list has no room for." in part(html, name)
    assert "has no room for" not in report_html(whole)


def test_too_many_pairs_of_namespaces_are_the_worst_ones_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(matrix, "MOST_COLUMNS", 2)
    monkeypatch.setattr(matrix, "MOST_PAIRS", 2)
    made = graph_of(Facts(breaking_crowd()).all)
    html = str(matrix.matrix_of(made, "after"))
    page = Page(html)
    assert sum(values.get("id", "").startswith("breaks-") for _, values in page.tags) == 2
    assert {link[1:] for link in page.links} <= {*page.ids}
    assert re.search(r"And [\d,]+ pairs more: listed are those of which most would break", html)
    total = sum(line.count for line in made.lines if line.change == "would_break")
    shown = sum(int(count) for count in re.findall(r": (\d+) communications? would break", html))
    left = int(re.search(r"And (\d+) communications? more would break", html)[1])
    assert shown + left == total


def test_matrices_of_what_breaks_end_where_there_is_no_room_for_their_cells(monkeypatch):
    made = graph_of(Facts(breaking_crowd()).all)
    monkeypatch.setattr(matrix, "MOST_CELLS", 1)
    assert str(matrix.matrix_of(made, "after")).count('class="breaking"') == 1


def test_a_matrix_of_one_pair_has_all_between_its_workloads_not_only_what_breaks():
    refs = tuple(WorkloadRef(f"n{at % 2}", "Deployment", f"app-{at:02}") for at in range(matrix.MOST_WORKLOADS + 2))
    pairs = [(refs[0], refs[1], 80), (refs[0], refs[3], 80), (refs[2], refs[1], 80), (refs[2], refs[3], 80)]
    pairs += [(ref, refs[1], 81) for ref in refs[4::2]] + [(refs[0], ref, 82) for ref in refs[5::2]]
    seen = tuple(communication(src, dst, port=port) for src, dst, port in pairs)
    whole = conclusion(seen, inventory(refs))
    denied = {(refs[0], refs[1], 80), (refs[2], refs[3], 80)}
    outcomes = tuple(
        outcome(item, "denied" if (item.src, item.dst, item.port) in denied else "allowed")
        for item in whole.communications
    )
    html = str(matrix.matrix_of(graph_of(Facts(replace(whole, outcomes=outcomes)).all), "after"))
    titles = re.findall(r'title="(n0/app-\d+ → n1/app-\d+) TCP', html.split('class="breaking"')[1])
    assert len(titles) == len(set(titles)) == 4
