"""Names from a cluster are attacker-controlled: in a real browser they are text, and nothing else comes of them."""

from playwright.sync_api import expect

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer
from tests.browser.reviews import choices, opened
from tests.recommender.notebook.reviews import communication, suggestions

SHOWN = {
    "<script>window.taken=1;alert(1)</script>": "<script>window.taken=1;alert(1)</script>",
    '"><img src=x onerror="window.taken=1">': '"><img src=x onerror="window.taken=1">',
    "' onclick='alert(1)": "' onclick='alert(1)",
    "a\x1b[31mred\x1b[0m": "a<U+001B>[31mred<U+001B>[0m",
    "\u202egnp.exe\u2066": "<U+202E>gnp.exe<U+2066>",
    "../../../etc/passwd": "../../../etc/passwd",
    "javascript:alert(1)": "javascript:alert(1)",
    "\ud800": "<U+D800>",
    "x" * 253: "x" * 253,
}
"""Names, and how the widget writes them."""
_LONE = "\ud800"
_ELEMENTS = """root => root.querySelectorAll(
  'script, img, iframe, object, embed, a, link, style, [onerror], [onclick]').length"""
_UNSEEN = r"""root => [...root.textContent.matchAll(
  /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu
)].map(found => root.textContent.slice(found.index - 40, found.index + 9))"""


def _harmless(review):
    assert review.root.evaluate(_ELEMENTS) == 0
    assert review.root.evaluate(_UNSEEN) == []
    assert review.page.evaluate("window.taken === undefined")


def _hostile(names=tuple(SHOWN)):
    """Suggestions of workloads in namespaces with these names, the same as names of addresses and all else."""
    api = WorkloadRef("shop", "Deployment", "api")
    seen = {"services": names[:3], "example": names[3], "src_pods": names[4:6], "names": names[:2]}
    inside = [WorkloadRef("shop" if name == _LONE else name, "Deployment", name) for name in names]
    outside = [AddressPeer("203.0.113.7", "external", name) for name in names]
    return suggestions(
        [communication(ref, api, 80 + at, **seen) for at, ref in enumerate(inside)]
        + [communication(api, peer, 443 + at) for at, peer in enumerate(outside)]
    )


def test_hostile_names_create_no_element_run_nothing_and_are_visible_as_text(page, lab, folder, shoot):
    review = opened(page, lab, folder, _hostile())
    review.rows(2 * len(SHOWN))
    for at, written in enumerate(SHOWN.values()):
        row = review.row(f"TCP/{80 + at}").filter(has=page.get_by_text(f"Deployment/{written}", exact=True))
        expect(row).to_have_count(1)
        row.click()
        expect(review.part("detail").locator("h3")).to_contain_text(written)
        for tab in ("yaml", "cut", "edit", "evidence"):
            review.part(f"tab-{tab}").click()
            expect(review.part(f"panel-{tab}")).to_be_visible()
            _harmless(review)
    for panel, there in (("show-graph", "graph"), ("show-matrix", "matrix")):
        review.part(panel).click()
        expect(review.part(there)).to_be_visible()
        _harmless(review)
        shoot(f"13-hostile-{there}", page)
    review.part("filter-text").fill("<script>")
    review.rows(10)
    review.part("bulk-accept").click()
    review.part("bulk-yes").click()
    review.says("suggestion")
    _harmless(review)
    assert choices(folder)


def test_a_namespace_with_any_name_has_details_and_differences_without_what_nobody_sees(page, lab, folder):
    api = WorkloadRef("shop", "Deployment", "api")
    names = ("a\x1b[31mred", _LONE, "\u202egnp.exe")
    found = [communication(WorkloadRef(name, "Deployment", "web"), api, 80 + at) for at, name in enumerate(names)]
    review = opened(page, lab, folder, suggestions(found))
    review.part("tab-difference").click()
    for at in range(len(names)):
        review.chosen(f"TCP/{80 + at}")
        expect(review.part("difference").first).to_be_visible()
        _harmless(review)
