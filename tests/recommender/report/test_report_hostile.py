"""Names, labels and pod names come from whoever speaks on the wire: on the page they are text and nothing else."""

from dataclasses import replace
from html import unescape

import pytest

from recommender.communications import AddressPeer
from recommender.report.markup import Html, join, plain, tag
from recommender.report.page import report_html

from .shop import API, WEB, communication, conclusion, inventory, workload
from .test_report_page import Page

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style><svg onload=alert(1)>",
    "]]><!-- --><b>",
    "a\x1b[31mred",
    "pod\u202egnp.exe",
    "zero\u200bwidth\u2066\u2069",
    "line\nbreak\ttab\x00nul\u2028",
    "z\u0336a\u0336l",
    "n" * 253,
    "../../etc/passwd",
    "javascript:alert(1)",
    "{color:red}",
    "&lt;b&gt;",
)


def spoken_by(name):
    """Return a conclusion in which the name stands everywhere that a cluster or a capture can put it."""
    src = workload("shop/x")
    src = replace(src, namespace=name, name=name, kind=name)
    outside = AddressPeer(name, "external", name)
    known = inventory((src, API, WEB))
    seen = [communication(src, API), communication(outside, WEB), communication(src, outside, name, 7)]
    evidence = replace(
        seen[0].evidence,
        src_pods=(name,), dst_pods=(name,), services=(name,), sources=(name,), orientations=(name,), example=name,
        failed=((name, 3),),
    )  # fmt: skip
    seen[0] = replace(seen[0], evidence=evidence, notes=(name,))
    whole = conclusion(tuple(seen), known)
    window = whole.observation.window
    sources = (replace(window.sources[0], name=name, kind=name),)
    outcomes = tuple(replace(found, reason=name) for found in whole.outcomes)
    return replace(
        whole, observation=replace(whole.observation, window=replace(window, sources=sources)), outcomes=outcomes
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_names_appear_only_as_text(name):
    html = report_html(spoken_by(name), title=name)
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
    assert all(link.startswith("#") for link in page.links)
    attributes = {attribute for _, values in page.tags for attribute in values}
    assert not [attribute for attribute in attributes if attribute.startswith("on") or attribute == "style"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_character_that_nobody_sees_is_on_the_page(name):
    for letter in unescape(report_html(spoken_by(name), title=name)):
        assert letter == "\n" or letter.isprintable()
        assert letter != "\u0336"


def test_half_a_surrogate_does_not_keep_the_page_from_being_written():
    src = replace(workload("shop/x"), name="lone \udc80 surrogate")
    html = report_html(conclusion((communication(src, API),), inventory((src, API)), accept=False))
    assert "U+DC80" in html
    html.encode()


def test_unseen_characters_are_written_out():
    assert tag("p", "a\u202eb") == '<p>a<span class="unseen">U+202E</span>b</p>'
    assert tag("p", "\x1b[31m") == '<p><span class="unseen">U+001B</span>[31m</p>'
    assert plain("\u202e") == "[U+202E]"
    assert tag("p", title="\x1b\"<'") == '<p title="[U+001B]&quot;&lt;&#x27;"></p>'


def test_forgetting_to_escape_is_impossible():
    assert tag("p", "<b>") == "<p>&lt;b&gt;</p>"
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"
    # A string put together by hand is text again, whatever it was made of.
    assert tag("p", tag("b", "x") + "<i>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;i&gt;</p>"
    assert tag("p", f"{tag('b', 'x')}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"
    assert tag("p", content=Html('a"b')) == '<p content="a&quot;b"></p>'
    assert join(["<", None, 3, ["&"]], ",") == "&lt;,,3,&amp;"


KNOWN_TAGS = frozenset({
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "nav", "h1",
    "h2", "h3", "h4", "p", "div", "span", "a", "b", "i", "small", "bdi", "code", "pre", "table", "thead",
    "tbody", "tr", "th", "td", "details", "summary", "dl", "dt", "dd", "label", "input", "svg", "g",
    "path", "rect", "text", "desc",
})  # fmt: skip
