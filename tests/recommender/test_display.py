"""What a notebook shows is a sentence and a small table, and what a cluster says is only ever text there."""

import importlib
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from IPython.core.formatters import DisplayFormatter

import recommender as pf
from collectors.errors import PodfenceError
from recommender.communications import AddressPeer
from recommender.desk import Desk
from recommender.display import Shown, html_of, show, words_of
from recommender.display_ipython import SHOWN, register
from recommender.display_tables import ROWS
from recommender.manifest import policy_to_yaml
from recommender.store import save_suggestions
from tests.recommender.shown import HOSTILE, communication, observation, one_of_each, outcome, policy, reviewed
from tests.recommender.shown import suggestions as some

HARMLESS = {"div", "style", "p", "table", "thead", "tbody", "tr", "th", "td", "bdi", "span", "small", "code", "pre",
            "details", "summary", "b", "i", "em"}  # fmt: skip


class _Read(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data):
        self.text += data


def _read(markup):
    reader = _Read()
    reader.feed(markup)
    reader.close()
    return reader


def test_hostile_text_is_only_text_in_a_notebook():
    for value in one_of_each(HOSTILE):
        found = _read(html_of(value))
        assert found.tags <= HARMLESS
        assert not [name for name in found.attributes if name.startswith("on") or name in {"src", "href"}]
        assert "\x1b" not in html_of(value)
        assert "\u202e" not in html_of(value)


def test_hostile_text_cannot_command_a_terminal_and_stays_short():
    for value in one_of_each(HOSTILE):
        words = repr(show(value))
        assert words == words_of(value)
        assert words.isprintable() or "\n" in words
        assert "\x1b" not in words
        assert "\u202e" not in words
        assert len(words) < 3000


def test_hostile_names_are_still_there_to_be_read():
    assert "<script>alert(1)</script>" in _read(html_of((communication(HOSTILE),))).text
    assert "U+202E" in _read(html_of((communication(HOSTILE),))).text


def test_an_observation_says_what_was_read_and_what_was_lost():
    assert words_of(observation()) == (
        "5 packets of 1 source, 2026-11-23 12:00:00 – 2026-11-23 12:00:00 (UTC): 0 flows, 2 dropped by the sources, "
        "1 gap"
    )


def test_suggestions_say_what_is_withheld():
    assert words_of(some()) == "2 suggestions; withheld: 1 unresolved"


def test_a_review_counts_and_shows_what_is_open_first():
    each = reviewed()
    assert words_of(each) == "3 suggestions: 1 accepted, 1 declined, 1 undecided; 1 workload direction half decided"
    text = _read(html_of(each)).text
    assert text.index("id3") < text.index("id1") < text.index("id2")
    assert "widened to addresses 203.0.113.0/24" in text


def test_what_policies_stop_stands_before_what_passes():
    shown = show((outcome("allowed", port=80), outcome("denied", port=81), outcome("undecidable", port=82)))
    assert shown.words == "3 outcomes: 1 allowed, 1 denied, 1 undecidable"
    text = _read(shown.part).text
    assert text.index("TCP/81") < text.index("TCP/82") < text.index("TCP/80")


def test_a_single_policy_is_open_and_its_yaml_has_colours():
    assert "open" in _read(html_of(policy())).attributes
    assert "open" not in _read(html_of((policy(), policy("web")))).attributes
    found = _read(html_of(policy()))
    assert policy_to_yaml(policy()).strip() in found.text
    assert found.tags & {"i", "span"}


def test_a_long_table_ends_and_says_how_much_is_missing_and_where_it_is():
    many = some(count=ROWS + 7)
    found = _read(html_of(many))
    assert f"id{ROWS + 1}" not in found.text
    assert "7 more suggestions: pf.suggestions_frame(...) has them all." in found.text


def test_a_desk_says_what_exporting_now_would_do(tmp_path):
    save_suggestions(some(), tmp_path)
    desk = Desk(tmp_path, by="ann")
    change = desk.decide(["id1"], "accept")
    assert words_of(change) == "accept: 1 decision"
    assert words_of(desk.forget(["id1"])) == "forget: 1 decision, 1 without a decision now"
    assert words_of(desk).startswith("2 suggestions: 2 undecided; if exported now: 0 allowed")
    assert words_of(desk.what_if()) == str(desk.what_if())


def test_nothing_is_shown_as_nothing():
    assert words_of(()) == "nothing"


def test_what_was_shown_can_be_shown_again():
    once = show(some())
    assert once.part in show(once).part


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "no int"),
        ((3,), "no tuple of int"),
        ((communication(), policy()), "no tuple of Communication, NetworkPolicy"),
    ],
)
def test_what_is_none_of_ours_is_one_sentence(value, said):
    with pytest.raises(PodfenceError, match=f"podfence shows {said}: give `show`"):
        show(value)


def test_ipython_shows_every_class_that_it_was_told_of_without_its_module():
    for module, names in SHOWN.items():
        for name in names:
            assert isinstance(getattr(importlib.import_module(module), name), type)
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    register(shell)
    data, _ = shell.display_formatter.format(some())
    assert data["text/plain"] == words_of(some())
    assert data["text/html"] == html_of(some())


def test_ipython_shows_each_of_our_values_and_each_of_a_tuple_in_a_line():
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    pf.load_ipython_extension(shell)
    for value in one_of_each("api"):
        data, _ = shell.display_formatter.format(value)
        if not isinstance(value, tuple):
            assert data["text/html"] == html_of(value)
    data, _ = shell.display_formatter.format((communication(), AddressPeer("10.0.0.1", "node")))
    assert data["text/plain"] == "(api/api/api -> external 203.0.113.7 (api) TCP/80, node 10.0.0.1)"


def test_any_notebook_that_asks_for_html_gets_it():
    assert isinstance(show(some()), Shown)
    assert show(some())._repr_html_() == html_of(some())


def test_the_same_value_gives_the_same_bytes():
    assert [html_of(value) for value in one_of_each("api")] == [html_of(value) for value in one_of_each("api")]
