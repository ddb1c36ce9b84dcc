"""The page as a browser reads it: whole, balanced, quiet, the same every time, and honest when there is nothing."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from collectors.flows import conform_flows
from collectors.inventory import Inventory
from collectors.ledger import LedgerWriter
from collectors.observation import Observation, ObservationWindow, Source, concat_flows
from recommender.report.markup import VOID
from recommender.report.page import report_html
from recommender.review import Reviewed
from recommender.suggest import Suggestions
from recommender.summary import Conclusion, summary_data

from .shop import API, COREDNS, communication, conclusion, inventory, shop, troubled_shop, workload


class Page(HTMLParser):
    """Collects what tests ask of a page, and refuses tags that do not match."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.links, self.rows, self.text = [], [], [], [], []
        self._open, self._row = [], None
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):  # noqa: D102 - HTMLParser's own
        values = dict(attrs)
        self.tags.append((tag, values))
        assert len(values) == len(attrs), f"doubled attribute in {tag}"
        if "id" in values:
            self.ids.append(values["id"])
        self.links += [values[name] for name in ("href", "src", "xlink:href", "action") if name in values]
        if tag == "tr":
            self._row = []
        elif tag in {"td", "th"} and self._row is not None:
            self._row.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):  # noqa: D102 - HTMLParser's own
        assert self._open.pop() == tag
        if tag == "tr":
            self.rows.append(tuple(self._row))
            self._row = None

    def handle_data(self, data):  # noqa: D102 - HTMLParser's own
        self.text.append(data)
        if self._row:
            self._row[-1] += data


def cards(html):
    """Return name -> number of the headline's cards."""
    found, page = {}, Page(html)
    assert page.tags
    for part in html.split('<span class="count">')[1:]:
        count, _, rest = part.partition("</span>")
        found[rest.split('class="what">')[1].split("</span>")[0]] = int(count.replace(",", ""))
    return found


CASES = {"shop": shop, "troubled": troubled_shop, "undecided": lambda: shop(accept=False)}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_asked_of_the_network_and_nothing_can_run(case):
    page = Page(report_html(CASES[case]()))
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
    assert not [name for _, values in page.tags for name in values if name.startswith("on") or name == "style"]
    policies = [values["content"] for _, values in page.tags if values.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert "url(" not in report_html(CASES[case]())


@pytest.mark.parametrize("case", CASES)
def test_ids_are_unique_and_every_link_leads_somewhere(case):
    page = Page(report_html(CASES[case]()))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)


@pytest.mark.parametrize("case", CASES)
def test_every_communication_stands_in_the_table_of_all(case):
    whole = CASES[case]()
    rows = {row[:3] for row in Page(report_html(whole)).rows if len(row) == 6}
    for spoken in whole.communications:
        ends = tuple(_name(end) for end in (spoken.src, spoken.dst))
        port = f"{spoken.protocol}/{spoken.port}" if spoken.port else spoken.protocol
        assert (*ends, port) in rows


def _name(end):
    if hasattr(end, "namespace"):
        return f"{end.namespace}/{end.name} {end.kind}"
    kinds = {"api_server": "API server", "unresolved": "owner unknown"}
    return f"{end.name} {end.address} {kinds.get(end.kind, end.kind)}".strip()


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_the_summary(case):
    whole = CASES[case]()
    data = summary_data(whole)
    assert cards(report_html(whole)) == {
        "accepted traffic denied": data["accepted_denied"],
        "excess": data["excess"],
        "undecided, denied": data["undecided_denied"],
        "worked, but no rule possible": data["withheld_denied"],
        "declined, still open": data["declined_still_open"],
        "directions that stay open": len(data["open_directions"]),
    }


def test_every_number_above_zero_links_to_the_list_of_what_it_counts():
    page = Page(report_html(troubled_shop()))
    wanted = {"would-break", "excess", "undecided-denied", "withheld-denied", "declined-open"}
    assert wanted <= set(page.ids)
    assert wanted <= {link[1:] for link in page.links}


def test_the_ledger_balances_with_what_was_read_or_the_page_says_that_it_does_not():
    whole = shop()
    assert "It balances: 1,000 packets read, 1,000 accounted for." in report_html(whole)
    source = replace(whole.observation.window.sources[0], packets=999)
    lost = replace(whole.observation, window=replace(whole.observation.window, sources=(source,)))
    page = report_html(replace(whole, observation=lost))
    assert "It does not balance: 999 packets read, 1,000 accounted for." in page


def test_records_of_logs_are_counted_beside_the_packets_of_captures_and_upset_no_balance():
    whole = shop()
    log = Source("flows.json", "hubble", 78)
    writer = LedgerWriter()
    writer.packets("flows.json", "gap", 3, [(78, "")])
    seen = whole.observation
    of_log = conform_flows(seen.flows.assign(source="flows.json"))
    window = ObservationWindow.of([*seen.window.sources, log])
    both = replace(seen, flows=concat_flows([seen.flows, of_log]), window=window, ledger=seen.ledger + writer.ledger())
    page = report_html(replace(whole, observation=both))
    assert "1,000 packets and 78 records" in page
    assert "It balances: 1,000 packets read, 1,000 accounted for." in page
    assert "Of 78 records of flow logs, 3 are in the ledger; the other 75 are in flows." in page
    assert '<td class="number"><b>1,078</b></td>' in page
    alone = replace(both, flows=of_log, ledger=writer.ledger(), window=ObservationWindow.of([log]))
    page = report_html(replace(whole, observation=alone))
    assert "78 records" in page
    assert "balances" not in page


def test_the_same_conclusion_gives_the_same_bytes():
    assert report_html(shop()) == report_html(shop())
    assert report_html(troubled_shop()) == report_html(troubled_shop())


def test_every_policy_stands_there_as_yaml_once():
    whole = shop()
    page = "".join(Page(report_html(whole)).text)
    assert page.count("kind: NetworkPolicy") == len(whole.policies)
    assert page.count("policyTypes:") == len(whole.policies)


@pytest.mark.parametrize(
    ("whole", "verdict"),
    [
        (shop(), "Everything accepted passes, but some traffic that worked will not."),
        (troubled_shop(), "Applied now, these policies would break 2 accepted communications."),
        (shop(accept=False), "There are no policies yet."),
        (conclusion((communication(API, COREDNS),), inventory()), "Where these policies close, everything accepted"),
        (Conclusion(Observation(), Inventory(), (), Reviewed(Suggestions())), "Nothing was observed."),
    ],
)  # fmt: skip
def test_the_headline_says_how_it_stands(whole, verdict):
    assert verdict in report_html(whole)


def test_accepted_communications_that_nobody_simulated_spoil_the_verdict():
    html = report_html(replace(shop(), outcomes=()))
    assert "could not be checked" in html
    assert "Do not apply these policies" in html


def test_empty_conclusions_say_what_is_missing():
    html = report_html(Conclusion(Observation(), Inventory(), (), Reviewed(Suggestions())))
    Page(html)
    for sentence in ("No input was read.", "there is nothing to draw", "No workload is known"):
        assert sentence in html


def test_a_quiet_cluster_lists_its_workloads_although_none_of_them_spoke():
    html = report_html(conclusion((), inventory()))
    assert "Nothing was observed." in html
    assert html.count("Nothing was seen.") == 2 * len(inventory().pods)


def test_undecided_suggestions_are_open_until_something_is_accepted():
    html = report_html(shop(accept=False))
    assert "wait for a decision" in html
    assert "not accepted, still open" in html
    assert "accepted and allowed" not in html


def test_members_that_no_selector_tells_apart_share_one_policy():
    one, other = workload("shop/blue"), workload("shop/green")
    known = inventory((one, other, API))
    pods = tuple(replace(pod, labels={"app": "twin"}) if pod.workload != API else pod for pod in known.pods)
    whole = conclusion((communication(API, one), communication(API, other)), replace(known, pods=pods, workloads={}))
    html = report_html(whole)
    assert "no selector tells the two apart" in html
    assert "".join(Page(html).text).count("kind: NetworkPolicy") == len(whole.policies)


def test_what_is_not_known_of_the_cluster_stands_there_with_the_reason():
    whole = shop()
    assert "Not known of the cluster" not in report_html(whole)
    lacking = replace(whole, inventory=replace(whole.inventory, missing={"Node": "<b>no</b>"}, gaps=1))
    rows = Page(report_html(lacking)).rows
    assert ("Node", "<b>no</b>") in rows
    assert ("1 gap", "the watcher lost its place; what came and went meanwhile is not known") in rows
