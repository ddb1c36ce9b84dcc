"""The shipped review notebook in JupyterLab and Chromium: what a person decides there is on disk, and is exported."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from recommender.desk import Desk
from recommender.store import load_decisions
from tests.browser.review_page import ReviewPage, copy_shipped

NOTEBOOK = "02_review.ipynb"
REVIEW = "podfence-review"
SUGGESTIONS = 24
STATSD, PAYMENTS, WIDER = "UDP/8125", "198.51.100.23", "198.51.100.0/24"


def _opened(page, lab, folder):
    """The shipped notebook, run from top to bottom; its later cells decided too, so the widget loads again."""
    copy_shipped(NOTEBOOK, folder)
    review = ReviewPage(page, lab)
    review.open(folder / NOTEBOOK)
    review.run()
    return review


def _load_again(review):
    review.part("undo").click()
    expect(review.part("outdated")).to_contain_text("changed since it was read")
    review.part("load-again").click()
    expect(review.part("outdated")).to_have_count(0)


def _on_disk(folder):
    return Desk(folder / REVIEW, by="the test")


def _choice(folder, words):
    """Return what is decided on the one suggestion with these words, and what that opens."""
    desk = _on_disk(folder)
    (item,) = [one for one in desk.suggestions.items if words in str(one.communication)]
    decision = desk.decisions.get(item.id)
    return (decision.choice, str(decision.widen) if decision.widen else "") if decision else None


def _agrees(review, folder):
    """The line of the browser is what the decisions on disk come to."""
    expect(review.part("if-exported-now")).to_have_attribute("aria-label", str(_on_disk(folder).what_if()))


def _files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def _exported_by_command(folder, *options):
    podfence = Path(sys.executable).with_name("podfence")
    words = [podfence, "export", folder / REVIEW, "-o", folder / "by-command", *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _files(folder / "by-command")


def _filter(review, shoot):
    review.part("filter-text").fill("payments")
    review.rows(4)
    review.part("status-undecided").click()
    review.rows(2)
    review.chosen(PAYMENTS)
    expect(review.part("detail")).to_contain_text("api.payments.example")
    shoot("02-filtered", review.root)


def _accept_by_click(review, folder):
    before = review.now()
    assert before == "if exported now: 14 allowed, 10 would break, 0 blocked on purpose, 0 not affected"
    review.part("why").fill("the payment provider")
    review.part("accept").click()
    review.rows(1)
    assert _choice(folder, PAYMENTS) == ("accept", "")
    _agrees(review, folder)
    assert review.now() != before
    review.part("clear-filter").click()
    review.rows(SUGGESTIONS)


def _decide_by_key(review, folder, shoot):
    row = review.chosen(STATSD)
    for key, status, decided in (
        ("a", "accepted", ("accept", "")), ("d", "declined", ("decline", "")), ("u", "accepted", ("accept", "")),
        ("u", "undecided", None),
    ):  # fmt: skip
        review.page.keyboard.press(key)
        expect(row).to_have_attribute("data-status", status)
        assert _choice(folder, STATSD) == decided
    review.part("tab-cut").click()
    review.part("decline").click()
    expect(row).to_have_attribute("data-status", "declined")
    _agrees(review, folder)
    shoot("03-declined", review.root)


def _edit(review, addresses):
    review.part("tab-edit").click()
    review.part("edit-addresses").fill(addresses)
    review.part("edit-save").click()


def _widen(review, folder, shoot):
    review.chosen(PAYMENTS)
    _edit(review, "192.0.2.0/24")
    refusal = review.part("edit-said")
    expect(refusal).to_have_attribute("role", "alert")
    expect(refusal).to_contain_text("do not hold 198.51.100.23")
    assert _choice(folder, PAYMENTS) == ("accept", "")
    shoot("04-refused", review.root)
    _edit(review, WIDER)
    expect(review.part("opens")).to_have_text(f"addresses {WIDER}")
    assert _choice(folder, PAYMENTS) == ("accept", f"addresses {WIDER}")
    review.part("tab-yaml").click()
    expect(review.part("panel-yaml")).to_contain_text(f"cidr: {WIDER}")
    shoot("05-widened", review.root)
    review.part("undo").click()
    review.part("tab-edit").click()
    expect(review.part("edit-addresses")).to_have_value("")
    _edit(review, WIDER)
    expect(review.part("opens")).to_have_text(f"addresses {WIDER}")


def _decide_in_bulk(review, folder, shoot):
    review.part("filter-text").fill("traefik")
    expect(review.part("shown")).to_have_text("5 rows, 3 undecided")
    kept = {decision.id for decision in load_decisions(folder / REVIEW)}
    review.part("bulk-accept").click()
    expect(review.part("bulk-confirm")).to_contain_text("Accept 3 undecided of 5 rows?")
    shoot("06-bulk", review.root)
    review.part("bulk-yes").click()
    review.says("3 suggestions, 2 decided before and left as they are")
    assert len({decision.id for decision in load_decisions(folder / REVIEW)} - kept) == 3
    review.part("clear-filter").click()
    review.rows(SUGGESTIONS)


def _draw(review, shoot):
    review.part("show-graph").click()
    expect(review.part("graph")).to_be_visible()
    shoot("07-graph", review.root)
    review.part("show-matrix").click()
    expect(review.part("matrix")).to_be_visible()
    shoot("08-matrix", review.root)
    review.part("show-matrix").click()
    expect(review.part("matrix")).to_have_count(0)


def _export(review, folder, shoot):
    review.part("open-export").click()
    review.part("export-now").click()
    expect(review.part("export-said")).to_contain_text("half decided")
    assert not (folder / "policies").exists()
    shoot("09-export-refused", review.root)
    review.part("export-incomplete").check()
    review.part("export-now").click()
    expect(review.part("export-said")).to_contain_text("written to policies")
    shoot("10-exported", review.root)


def test_a_review_by_mouse_and_key_is_on_disk_and_exported_as_the_command_exports_it(page, lab, folder, shoot):
    review = _opened(page, lab, folder)
    _load_again(review)
    review.rows(SUGGESTIONS)
    _agrees(review, folder)
    shoot("01-opened", review.root)
    _filter(review, shoot)
    _accept_by_click(review, folder)
    _decide_by_key(review, folder, shoot)
    _widen(review, folder, shoot)
    _decide_in_bulk(review, folder, shoot)
    _draw(review, shoot)
    _export(review, folder, shoot)
    assert _files(folder / "policies") == _exported_by_command(folder, "--allow-incomplete")
    written = {name: text.decode() for name, text in _files(folder / "policies").items()}
    assert [name for name, text in written.items() if f"cidr: {WIDER}" in text] == ["shop/payments-podfence.yaml"]
    assert [name for name, text in written.items() if "8125" in text] == []


def test_reloading_the_page_and_running_the_notebook_again_lose_no_decision(page, lab, folder):
    review = _opened(page, lab, folder)
    _load_again(review)
    turned = review.chosen("redis")
    review.part("decline").click()
    expect(turned).to_have_attribute("data-status", "declined")
    review.chosen(PAYMENTS)
    review.part("accept").click()
    expect(review.row(PAYMENTS)).to_have_attribute("data-status", "accepted")
    decided = (folder / REVIEW / "decisions.yaml").read_bytes()
    line = review.now()

    review.command("docmanager:save")
    page.reload()
    expect(review.row(PAYMENTS)).to_have_attribute("data-status", "accepted", timeout=60_000)
    assert review.now() == line
    review.page.wait_for_function("window.jupyterapp !== undefined")
    review.run()
    expect(review.row(PAYMENTS)).to_have_attribute("data-status", "accepted")
    expect(review.row("redis")).to_have_attribute("data-status", "declined")
    assert review.now() == line
    assert (folder / REVIEW / "decisions.yaml").read_bytes() == decided
