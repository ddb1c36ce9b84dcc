"""axe-core finds nothing on the widget: each pane, each panel, in light and in dark."""

import pytest
from playwright.sync_api import expect

from tests.browser.reviews import desk, opened
from tests.recommender.notebook.reviews import shop

PANELS = {"open-export": "export", "open-help": "help", "show-matrix": "matrix", "show-graph": "graph"}
_AXE = """async root => {
  const found = await axe.run(root, { resultTypes: ['violations'] });
  return [found.passes.length, found.violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.slice(0, 4).map(node => node.html + ' ' + node.failureSummary).join(' | ')}`)];
}"""


def _nothing_found(review, where):
    passes, violations = review.root.evaluate(_AXE)
    assert passes > 5, where
    assert violations == [], where


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_part_of_the_widget(page, lab, folder, axe, shoot, dark):
    review = opened(page, lab, folder, shop(), dark=dark)
    page.evaluate(axe)
    _nothing_found(review, "as it opens")
    for words, choice in (("TCP/8080", "accept"), ("UDP/53", "decline")):
        row = review.chosen(words)
        review.part(choice).click()
        expect(row).to_have_attribute("data-status", "accepted" if choice == "accept" else "declined")
    paid = review.chosen("TCP/443")
    review.part("accept").click()
    expect(paid).to_have_attribute("data-status", "accepted")
    for tab in ("evidence", "yaml", "difference", "cut", "edit"):
        review.part(f"tab-{tab}").click()
        expect(review.part(f"panel-{tab}")).to_be_visible()
        _nothing_found(review, tab)
        if tab == "cut":
            shoot(f"12-{'dark' if dark else 'light'}", review.root)
    review.part("edit-ports").fill("1-2")
    review.part("edit-save").click()
    expect(review.part("edit-said")).to_be_visible()
    for panel, there in PANELS.items():
        review.part(panel).click()
        expect(review.part(there)).to_be_visible()
        _nothing_found(review, panel)
    review.part("bulk-accept").click()
    expect(review.part("bulk-confirm")).to_be_visible()
    other = desk(folder)
    other.decide([other.reviewed.undecided[0].id], "decline")
    review.part("undo").click()
    expect(review.part("outdated")).to_be_visible()
    _nothing_found(review, "everything open at once")
    shoot(f"16-everything-{'dark' if dark else 'light'}", page)
