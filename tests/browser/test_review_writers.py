"""Two writers of one decisions.yaml, and filters chosen quickly: nothing is lost, nothing overwritten unseen."""

from playwright.sync_api import expect

from recommender.store import load_decisions
from tests.browser.review_page import ReviewPage, write_notebook
from tests.browser.reviews import WIDGET, choices, desk, opened
from tests.recommender.notebook.reviews import shop

DECISIONS = "decisions.yaml"


def _decide(review, words):
    review.chosen(words)
    review.part("accept").click()


def test_what_a_second_kernel_decided_is_told_and_never_overwritten(watched, page, lab, folder, shoot):
    first = opened(page, lab, folder, shop())
    _decide(first, "TCP/8080")
    expect(first.row("TCP/8080")).to_have_attribute("data-status", "accepted")
    write_notebook(folder / "second.ipynb", WIDGET)
    second = ReviewPage(watched.context.new_page(), lab)
    second.open(folder / "second.ipynb")
    second.run()
    expect(second.row("TCP/8080")).to_have_attribute("data-status", "accepted")
    _decide(second, "TCP/5432")
    expect(second.row("TCP/5432")).to_have_attribute("data-status", "accepted")
    kept = (folder / "review" / DECISIONS).read_bytes()

    page.bring_to_front()
    _decide(first, "TCP/9090")
    expect(first.part("outdated")).to_contain_text("changed since it was read")
    expect(first.row("TCP/9090")).to_have_attribute("data-status", "undecided")
    assert (folder / "review" / DECISIONS).read_bytes() == kept
    shoot("11-outdated", first.root)
    first.part("load-again").click()
    expect(first.part("outdated")).to_have_count(0)
    expect(first.row("TCP/5432")).to_have_attribute("data-status", "accepted")
    _decide(first, "TCP/9090")
    expect(first.row("TCP/9090")).to_have_attribute("data-status", "accepted")
    assert list(choices(folder).values()) == ["accept"] * 3


def test_coming_back_to_the_page_tells_what_another_program_wrote(page, lab, folder):
    review = opened(page, lab, folder, shop())
    other = desk(folder)
    other.decide([other.suggestions.items[0].id], "decline", "by the other")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(review.part("outdated")).to_contain_text("changed since it was read")
    assert [decision.why for decision in load_decisions(folder / "review")] == ["by the other"]


_AT_ONCE = """root => {
  const part = name => root.querySelector(`[data-testid=${name}]`);
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(part('filter-text'), 'web');
  part('filter-text').dispatchEvent(new Event('input', { bubbles: true }));
  setTimeout(() => part('status-undecided').click(), 140);  // the text waits 150 ms for more to be typed
}"""


def test_filters_chosen_quickly_one_after_the_other_all_count(page, lab, folder):
    review = opened(page, lab, folder, shop())
    _decide(review, "TCP/8080")
    expect(review.row("TCP/8080")).to_have_attribute("data-status", "accepted")
    review.root.evaluate(_AT_ONCE)
    expect(review.part("status-undecided")).to_have_attribute("aria-pressed", "true")
    review.rows(2)


_LOOK = """root => [...root.querySelectorAll('.chip, .title .dim, [data-testid=said], th, td')].map(part => {
  const style = getComputedStyle(part);
  return [part.className, style.color, style.maxWidth, style.textAlign, style.borderTopWidth];
})"""


def test_tables_of_pf_show_in_the_same_notebook_do_not_change_how_the_widget_looks(page, lab, folder):
    looks = []
    for name, more in (("alone", ()), ("beside", ('pf.show(pf.Desk("review", by="ann").reviewed.undecided)',))):
        (folder / name).mkdir()
        review = opened(page, lab, folder / name, shop(), *more)
        expect(review.part("detail")).to_have_attribute("aria-busy", "false")
        looks.append(review.root.evaluate(_LOOK))
    assert len(looks[0]) > 50
    assert looks[1] == looks[0]
