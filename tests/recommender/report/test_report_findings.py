"""Findings on the page: in their order, with what they rest on, and nothing of theirs is markup."""

from recommender.findings import KINDS, Finding
from recommender.report.findings import HEADINGS, findings_part
from recommender.suggest import suggestion_id
from tests.recommender.simulated import seen

from .test_report_page import Page

SEEN = seen("web", "db", 5432)


def _finding(**more):
    values = {"kind": "scan", "severity": "serious", "subject": "shop/web", "sentence": "It scans."}
    return Finding(**{**values, **more})


def test_each_finding_is_a_row_in_the_order_given():
    page = Page(findings_part([_finding(), _finding(kind="sampled_or_lossy", severity="info", subject="a.pcap")]))
    assert [row[:3] for row in page.rows if row][1:] == [
        ("serious", "Looks like a scan scan", "shop/web"),
        ("info", "Sampled or lossy source sampled_or_lossy", "a.pcap"),
    ]


def test_what_a_finding_rests_on_is_named():
    html = findings_part([_finding(communications=(suggestion_id(SEEN),))], [SEEN])
    text = "".join(Page(html).text)
    assert str(SEEN) in text
    assert suggestion_id(SEEN) in text


def test_of_many_communications_fifty_are_named_and_the_rest_is_counted():
    text = "".join(Page(findings_part([_finding(communications=tuple(f"id-{at:03}" for at in range(60)))])).text)
    assert "id-049" in text
    assert "id-050" not in text
    assert "and 10 more" in text


def test_no_finding_is_said_in_words():
    assert "Nothing in particular" in findings_part([])


def test_hostile_names_are_text_only():
    html = findings_part([_finding(subject="<script>alert(1)</script>", sentence='"><img src=x onerror=y>\x1b')])
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert "\x1b" not in html


def test_every_kind_has_a_heading():
    assert set(HEADINGS) == set(KINDS)
