"""README.md and docs/: every podfence command in them is one that podfence takes, and every option is one of it."""

import argparse
import re
from pathlib import Path

import pytest

from recommender import learning_words
from recommender.cli import _parser
from tests.documents import PAGES, ROOT, commands, name_of, spans, words

TOLD = [
    pytest.param(command, id=f"{name_of(page)}: {' '.join(command)}") for page in PAGES for command in commands(page)
]


def _inner(parser: argparse.ArgumentParser) -> argparse._SubParsersAction | None:
    return next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)


def _options(command: list[str]) -> set[str]:
    """Return the options of the command that some words begin with."""
    parser, found = _parser(), set()
    for word in command:
        inner = _inner(parser)
        if inner is not None and word in inner.choices:
            parser = inner.choices[word]
        found |= set(parser._option_string_actions)
    return found


@pytest.mark.parametrize("command", TOLD)
def test_every_command_in_a_block_is_one_that_podfence_takes(command):
    assert _parser().parse_args(command).command


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_option_that_a_sentence_tells_is_one_of_its_command(page):
    for span in spans(page):
        told = words(span)
        assert {word for word in told if re.fullmatch(r"--[a-z-]+|-[a-z]", word)} <= _options(told), span


def test_the_readmes_table_tells_every_command_in_a_form_that_podfence_takes():
    rows = re.findall(r"^\| (`podfence .*?`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    calls = [words(span) for row in rows for span in re.findall(r"`podfence ([^`]+)`", row)]
    assert {_parser().parse_args(call).command for call in calls}
    assert {call[0] for call in calls} == set(_inner(_parser()).choices)


def test_the_pages_of_learning_tell_each_of_its_options():
    told = " ".join((ROOT / "docs" / name).read_text() for name in ("learning.md", "learning-cluster.md"))
    options = {word for word in _options(["learn"]) if word.startswith("--")} - {"--help", "--version", "--output"}
    assert {word for word in options if not re.search(rf"{word}\b(?!-)", told)} == set()


def test_every_metric_that_is_told_is_one_that_learning_answers():
    told = re.findall(r"`podfence_(\w+)", (ROOT / "docs" / "learning.md").read_text())
    answered = Path(learning_words.__file__).read_text()
    assert len(told) > 5
    assert [name for name in told if not re.search(rf"\b(podfence_)?{name}\b", answered)] == []
