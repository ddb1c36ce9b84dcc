"""A whole review by keyboard alone, from the page of JupyterLab to the exported files."""

from playwright.sync_api import expect

from tests.browser.reviews import choices, desk, opened
from tests.recommender.notebook.reviews import shop

MOST_TABS = 60
_INSIDE = "root => root.contains(document.activeElement)"
_FOCUSED = "document.activeElement.dataset.testid ?? ''"


def _tab_to(page, name, key="Tab"):
    """Press a key until the part with this name has the focus."""
    for _ in range(MOST_TABS):
        if page.evaluate(_FOCUSED) == name:
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not reach {name}")


def _into(page, review):
    """Press Tab until the widget has the focus."""
    for _ in range(MOST_TABS):
        if review.root.evaluate(_INSIDE):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not reach the widget")


def _back(page, review):
    """Go back to the rows; the next key is theirs."""
    page.keyboard.press("Escape")
    expect(review.root.locator("tr:focus")).to_have_count(1)


def _row_with(page, review, words):
    """Walk down until the row with these words has the focus."""
    _back(page, review)
    for _ in range(MOST_TABS):
        focused = review.root.locator("tr:focus")
        expect(focused).to_have_count(1)
        if words in focused.inner_text():
            expect(review.part("detail")).to_have_attribute("data-key", focused.get_attribute("data-key"))
            expect(review.part("detail")).to_have_attribute("aria-busy", "false")
            return
        before = focused.get_attribute("data-row")
        page.keyboard.press("j")
        expect(review.root.locator("tr:focus")).not_to_have_attribute("data-row", before)
    raise AssertionError(f"no row says {words}")


def _decide(page, review, folder):
    _row_with(page, review, "TCP/8080")
    page.keyboard.press("a")
    expect(review.row("TCP/8080")).to_have_attribute("data-status", "accepted")
    _row_with(page, review, "UDP/53")
    page.keyboard.press("d")
    expect(review.row("UDP/53")).to_have_attribute("data-status", "declined")
    page.keyboard.press("u")
    expect(review.row("UDP/53")).to_have_attribute("data-status", "undecided")
    assert choices(folder) == {"shop/Deployment/web -> shop/Deployment/api TCP/8080": "accept"}


def _widen(page, review):
    _row_with(page, review, "TCP/443")
    page.keyboard.press("a")
    expect(review.row("TCP/443")).to_have_attribute("data-status", "accepted")
    page.keyboard.press("e")
    _tab_to(page, "edit-addresses")
    page.keyboard.type("192.0.2.0/24")
    _tab_to(page, "edit-save")
    page.keyboard.press("Enter")
    expect(review.part("edit-said")).to_contain_text("do not hold 203.0.113.7")
    _tab_to(page, "edit-addresses", "Shift+Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("203.0.113.0/24")
    _tab_to(page, "edit-save")
    page.keyboard.press("Enter")
    expect(review.part("opens")).to_have_text("addresses 203.0.113.0/24")
    _back(page, review)


def _decide_in_bulk(page, review, folder):
    page.keyboard.press("/")
    page.keyboard.type("ops")
    review.rows(1)
    _back(page, review)
    page.keyboard.press("Shift+D")
    expect(review.part("bulk-yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(review.part("status-declined")).to_have_text("Declined 1")
    assert choices(folder)["ops/StatefulSet/prometheus -> shop/Deployment/api TCP/9090"] == "decline"
    _into(page, review)
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    review.rows(6)
    _back(page, review)
    page.keyboard.press("Shift+A")
    expect(review.part("bulk-yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(review.part("status-undecided")).to_have_text("Undecided 0")
    _into(page, review)


def test_a_review_goes_by_keyboard_alone(page, lab, folder):
    review = opened(page, lab, folder, shop())
    page.keyboard.press("Escape")
    _into(page, review)
    _decide(page, review, folder)
    _widen(page, review)
    _decide_in_bulk(page, review, folder)
    page.keyboard.press("g")
    expect(review.part("graph")).to_be_visible()
    page.keyboard.press("g")
    expect(review.part("graph")).to_have_count(0)
    _tab_to(page, "open-export", "Shift+Tab")
    page.keyboard.press("Enter")
    _tab_to(page, "export-now")
    page.keyboard.press("Enter")
    expect(review.part("export-said")).to_contain_text("written to policies")
    assert not desk(folder).reviewed.undecided
    assert "203.0.113.0/24" in (folder / "policies" / "shop" / "web-podfence.yaml").read_text()


def test_enter_in_a_field_sends_its_form(page, lab, folder):
    review = opened(page, lab, folder, shop())
    review.chosen("TCP/443")
    page.keyboard.press("a")
    page.keyboard.press("e")
    review.part("edit-ports").fill("1-2")
    page.keyboard.press("Enter")
    expect(review.part("edit-said")).to_contain_text("do not hold 443")
    review.part("open-export").click()
    review.part("export-incomplete").check()
    review.part("export-folder").fill("elsewhere")
    page.keyboard.press("Enter")
    expect(review.part("export-said")).to_contain_text("written to elsewhere")


def test_after_a_decision_in_bulk_a_row_has_the_focus(page, lab, folder):
    review = opened(page, lab, folder, shop())
    review.chosen("TCP/443")
    page.keyboard.press("Shift+A")
    expect(review.part("bulk-yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(review.part("status-undecided")).to_have_text("Undecided 0")
    expect(review.root.locator("tr:focus")).to_have_count(1)
