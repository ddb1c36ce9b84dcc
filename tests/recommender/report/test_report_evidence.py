"""Evidence stands once, at the workload that is called; a large page says less of each communication, and says so."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, meaning
from recommender.pipeline import run
from recommender.report import evidence, facts
from recommender.report.facts import Facts
from recommender.report.page import report_html
from recommender.report.workloads import lasting_anchor

from .shop import API, BANK, PAYMENTS, WEB, communication, conclusion, inventory, shop, troubled_shop
from .test_report_hostile import HOSTILE, KNOWN_TAGS, spoken_by
from .test_report_page import Page
from .test_report_picture import crowd

SAMPLES = Path(__file__).parents[3] / "sample_captures"


@pytest.fixture(params=[False, True], ids=["in full", "brief"])
def brief(request, monkeypatch):
    """Whether every page of the test is taken for a large one."""
    if request.param:
        monkeypatch.setattr(facts, "MOST_IN_FULL", 0)
    return request.param


@pytest.fixture
def _brief(monkeypatch):
    monkeypatch.setattr(facts, "MOST_IN_FULL", 0)


def rows(html):
    """Return the row of each anchor, as markup, with the line below it."""
    return {
        found[1]: found[0]
        for found in re.finditer(r'<tr id="(\w+)">.*?</tr>(?:<tr class="more">.*?</tr>)?', html, re.DOTALL)
    }


@pytest.mark.parametrize("whole", [shop(), troubled_shop(), shop(accept=False)])
def test_b27_every_communication_has_one_row_with_evidence_and_every_link_leads_somewhere(whole, brief):
    html = report_html(whole)
    page = Page(html)
    anchors = [fact.anchor for fact in Facts(whole).all]
    assert len(set(anchors)) == len(whole.communications)
    assert Counter(page.ids).most_common(1)[0][1] == 1
    assert {*anchors} <= {*rows(html)}
    assert {link[1:] for link in page.links} <= {*page.ids}
    assert brief == ('<body class="brief">' in html)


def test_b27_the_row_in_full_has_all_that_was_seen_and_decided():
    whole = shop()
    fact = next(f for f in Facts(whole).all if (f.communication.src, f.communication.dst) == (PAYMENTS, BANK))
    row = rows(report_html(whole))[fact.suggestion.id]
    for text in ("payments-0", "51.9 kB / not known", "144 / not known", "10.244.1.5 -&gt; 10.244.1.6", "shop.pcap",
                 "the handshake was seen", "accepted by ann: checked with the owners", "said by hand", "external",
                 f"<code>{fact.suggestion.id}</code>", "short_window"):  # fmt: skip
        assert text in row


def test_what_a_log_never_counts_is_said_to_be_unknown_once_and_not_for_either_direction(tmp_path):
    run([str(SAMPLES / "logs" / "hubble.jsonl")], None, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<td>not known</td>" in page
    assert "not known / not known" not in page


def test_b27_no_caveat_and_nothing_that_breaks_is_left_out_of_a_large_page(monkeypatch):
    whole = troubled_shop()
    full = report_html(whole)
    monkeypatch.setattr(facts, "MOST_IN_FULL", 0)
    short = report_html(whole)
    for fact in Facts(whole).all:
        for html in (full, short):
            found = re.findall("<i>(.*?)</i>", rows(html)[fact.anchor])
            assert found == list(fact.caveats)
    lists = [html.split('<section id="would-break">')[1].split("</section>")[0] for html in (full, short)]
    assert lists[0] == lists[1]
    assert len(short) < len(full)


@pytest.mark.usefixtures("_brief")
def test_a_large_page_says_what_it_leaves_out_and_where_that_is():
    text = "".join(Page(report_html(shop())).text)
    assert "are in suggestions.json of the review folder" in text
    assert "Where a row says nothing of a decision: accepted by ann: checked with the owners." in text
    assert "No caveat, no finding and nothing that would break is left out." in text
    assert "suggestions.json" not in "".join(Page(report_html(conclusion((), inventory()))).text)


@pytest.mark.usefixtures("_brief")
def test_a_large_page_tells_each_decision_that_is_not_the_usual_one():
    whole = shop({(API, WEB, 0): None, (PAYMENTS, BANK, 443): "decline"})
    declined = next(fact for fact in Facts(whole).all if fact.decided == "declined")
    assert "declined by ann: checked with the owners" in rows(report_html(whole))[declined.anchor]


def test_a_page_is_large_only_above_the_number_that_it_states(monkeypatch):
    whole = shop()
    monkeypatch.setattr(facts, "MOST_IN_FULL", len(whole.communications))
    assert not Facts(whole).brief
    monkeypatch.setattr(facts, "MOST_IN_FULL", len(whole.communications) - 1)
    assert Facts(whole).brief
    assert evidence.MOST_IN_FULL == 2000


def test_a_communication_of_a_large_page_takes_at_most_1200_bytes_its_share_of_policies_and_workloads_included():
    whole = crowd(450, calls=5)
    assert Facts(whole).brief
    assert len(report_html(whole).encode()) / len(whole.communications) <= 1200


def test_ids_that_are_none_of_podfences_and_ids_that_are_there_twice_get_a_number():
    whole = shop()
    first, second, *others = whole.reviewed.accepted
    accepted = (replace(first, id='"><script>'), replace(second, id=others[0].id), *others)
    decisions = {**whole.reviewed.decisions, '"><script>': whole.reviewed.decisions[first.id]}
    changed = replace(whole, reviewed=replace(whole.reviewed, accepted=accepted, decisions=decisions))
    anchors = {meaning(fact.communication): fact.anchor for fact in Facts(changed).all}
    assert re.fullmatch(r"c\d+", anchors[meaning(first.communication)])
    assert len(set(anchors.values())) == len(anchors)
    html = report_html(changed)
    assert "<script" not in html


def test_a_workload_has_an_anchor_of_its_name_which_lasts_from_run_to_run():
    assert lasting_anchor(API) == "shop/Deployment/api"
    assert 'id="shop/Deployment/api"' in report_html(shop())
    assert lasting_anchor(API) in Page(report_html(conclusion((communication(WEB, API),), inventory()))).ids


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_no_cluster_allows_becomes_a_digest_in_an_anchor(name):
    anchor = lasting_anchor(WorkloadRef(name, name, name))
    assert re.fullmatch(r"workload-[0-9a-f]{12}", anchor)
    assert lasting_anchor(WorkloadRef(name, name, name + "x")) != anchor


@pytest.mark.usefixtures("_brief")
@pytest.mark.parametrize("name", HOSTILE)
def test_names_on_a_large_page_appear_only_as_text(name):
    page = Page(report_html(spoken_by(name), title=name))
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
    assert all(link.startswith("#") for link in page.links)
    shown = "".join(page.text)
    assert all(letter == "\n" or letter.isprintable() for letter in shown)


def test_what_is_between_addresses_has_its_row_among_what_was_left_out(brief):
    one, other = AddressPeer("198.51.100.1", "external"), AddressPeer("198.51.100.2", "external")
    whole = conclusion((communication(one, other), communication(WEB, API)), inventory())
    bare = replace(
        whole, reviewed=replace(whole.reviewed, suggestions=replace(whole.reviewed.suggestions, withheld=()))
    )
    for found in (whole, bare):
        html = report_html(found)
        anchor = next(fact.anchor for fact in Facts(found).all if fact.communication.src == one)
        part = html.split('<section id="withheld">')[1].split("</section>")[0]
        assert f'<tr id="{anchor}">' in part
    assert "Between addresses" in html
    assert brief == Facts(whole).brief
