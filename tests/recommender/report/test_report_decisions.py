"""What decisions open beyond what was seen, and those that hold no more."""

from dataclasses import replace

import pytest

from recommender.communications import AddressPeer
from recommender.policy import IPBlock
from recommender.report.decisions import beyond, listed, widened_part
from recommender.report.facts import Facts
from recommender.report.page import report_html
from recommender.review import Decision, review
from recommender.widening import Widening

from .shop import BANK, PAYMENTS, WEB, communication, shop
from .test_report_hostile import HOSTILE, KNOWN_TAGS
from .test_report_page import Page

NEAR = AddressPeer("203.0.113.7", "external")


def widened(widening, **changes):
    """Return the shop with the payment to the bank widened."""
    whole = shop()
    item = next(i for i in whole.reviewed.accepted if (i.communication.src, i.communication.dst) == (PAYMENTS, BANK))
    decisions = [replace(d, widen=widening, **changes) if d.id == item.id else d
                 for d in whole.reviewed.decisions.values()]  # fmt: skip
    return replace(whole, reviewed=review(whole.reviewed.suggestions, decisions)), item


@pytest.mark.parametrize(
    ("widening", "said"),
    [
        (Widening(addresses=IPBlock("203.0.113.0/24")), ("255 more addresses",)),
        (Widening(addresses=IPBlock("203.0.113.0/24", ("203.0.113.128/25",))), ("127 more addresses",)),
        (Widening(ports=(80, 81)), ("1 more port",)),
        (Widening(protocols=("TCP", "UDP")), ("UDP as well",)),
        (Widening(service_ports=(80,)), ("1 Service port at the caller's egress",)),
        (Widening(source=True), ("every other pod of namespace shop, at the source's end",)),
        (Widening(addresses=IPBlock("203.0.113.6/31"), ports=(80, 90)), ("1 more address", "10 more ports")),
        (Widening(options=("dns",)), ()),
    ],
)
def test_d30_a_widening_is_counted_beside_what_was_seen(widening, said):
    assert beyond(widening, communication(WEB, NEAR)) == said


def test_c20_a_widened_decision_stands_first_with_who_decided_and_a_link_to_its_evidence():
    block = IPBlock("2001:db8:23::/120")
    whole, item = widened(Widening(addresses=block, options=("cidr",)), at="2026-03-02T09:00:00Z")
    page = Page(report_html(whole))
    row = next(row for row in page.rows if "addresses 2001:db8:23::/120" in row[-3:])
    assert row[-2:] == ("255 more addresses", "ann, 2026-03-02T09:00:00Zcidr")
    assert f"#{item.id}" in page.links
    assert page.ids.index("widened") < page.ids.index("picture")


def test_what_could_not_be_widened_is_said_and_without_either_there_is_no_such_part():
    assert widened_part(Facts(shop())) is None
    whole = replace(shop(), not_widened=("no /24 holds <b>",))
    assert "<li>no /24 holds &lt;b&gt;</li>" in str(widened_part(Facts(whole)))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_decisions_say_appears_only_as_text_and_is_of_bounded_length(name):
    long = name * 200
    whole, _ = widened(Widening(addresses=IPBlock("2001:db8:23::/120"), options=(long,)), by=long, why=long, at=long)
    whole = replace(whole, not_widened=(long,))
    decision = Decision(long, "accept", long, long, long, at=long)
    for part in (str(widened_part(Facts(whole))), str(listed([decision], "They are kept."))):
        page = Page(part)
        assert {tag for tag, _ in page.tags} <= KNOWN_TAGS | {"ul", "li"}
        assert long not in "".join(page.text)
        assert all(letter.isprintable() for letter in "".join(page.text))
    row = report_html(whole)
    assert long not in row


def test_b28_stale_and_orphaned_decisions_stand_after_existing_policies_and_before_the_inputs():
    stale = Decision("a" * 12, "decline", "shop/Deployment/web -> x TCP/1", "ann", "not ours", at="2026-01-01")
    whole = shop()
    whole = replace(whole, reviewed=replace(whole.reviewed, stale=(stale,), orphans=(stale,)))
    ids = Page(report_html(whole)).ids
    assert ids.index("open") < ids.index("stale") < ids.index("orphans") < ids.index("inputs")
    text = "".join(Page(report_html(whole)).text)
    assert text.count("not ours") == 2
    assert text.count("ann, 2026-01-01") == 2
