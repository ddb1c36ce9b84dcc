"""`import recommender as pf` has the public face, loads nothing heavy, and docs/python.md tells no lies about it."""

import argparse
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import recommender as pf
from collectors.schema import Schema
from recommender import cli, frames

SAMPLES = Path(__file__).parents[2] / "sample_captures"

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
HEAVY = ("pandas", "numpy", "pyarrow", "yaml", "kubernetes", "matplotlib", "anywidget", "IPython")
RIVER = ("read_flows", "load_inventory", "resolve", "summarize", "suggest", "review", "generate", "simulate")
NAMESAKES = ("coverage", "drift", "generate", "resolve", "review", "simulate", "suggest", "what_if")


def _python(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "act", ["import recommender", "from recommender.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"]
)
def test_the_import_and_the_help_load_nothing_heavy(act):
    told = _python(f"{act}\nimport sys\nprint('loaded:', *({set(HEAVY)} & set(sys.modules)))")
    assert told.splitlines()[-1] == "loaded:"


def test_the_words_of_the_report_do_not_load_its_page():
    code = "import sys, recommender.report.words\nprint(*(name for name in sys.modules if 'report.' in name))"
    assert _python(code) == "recommender.report.words"


def test_every_public_name_is_there_and_listed():
    assert set(RIVER) <= set(pf.__all__) <= set(dir(pf))
    assert all(getattr(pf, name) is not None for name in pf.__all__)
    assert list(pf.__all__) == sorted(set(pf.__all__))


def test_what_type_checkers_see_is_what_there_is():
    names = re.findall(r"^    from [\w.]+ import (?:\(([^)]*)\)|(.+))$", Path(pf.__file__).read_text(), re.MULTILINE)
    assert {name.strip() for pair in names for name in "".join(pair).split(",")} - {""} >= set(pf.__all__)


def test_a_name_that_is_none_is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="module 'recommender' has no attribute 'sugest'"):
        pf.sugest  # noqa: B018 - the attribute is the test


@pytest.mark.parametrize(
    "first", ["", "import recommender.{0}", "from recommender.{0} import {0}", "import recommender.pipeline"]
)
def test_a_verb_can_be_called_whatever_was_imported_before(first):
    lines = [f"{first.format(name)}\nassert callable(pf.{name}), {name!r}" for name in NAMESAKES]
    assert _python("import recommender as pf\n" + "\n".join(lines) + "\nprint('all')") == "all"


@pytest.mark.parametrize("name", NAMESAKES)
def test_a_verb_is_still_the_module_and_has_the_functions_signature(name):
    module = importlib.import_module(f"recommender.{name}")
    assert getattr(pf, name) is module
    assert inspect.signature(module) == inspect.signature(getattr(module, name))


def test_calling_a_verb_calls_the_function():
    reviewed = pf.review(pf.suggest.Suggestions())
    assert pf.generate(reviewed) == ()
    assert str(pf.what_if(reviewed)) == str(pf.what_if.what_if(reviewed))


def test_all_python_in_the_page_runs_in_an_empty_folder(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 5
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)  # noqa: S102 - our own page
    assert capsys.readouterr().out.startswith("if exported now: 7 allowed, 12 would break")
    rows = frames.policies_frame(names["policies"])
    assert rows.query("peer == '<any>'").empty
    assert not rows.empty


def test_the_page_has_every_column_of_every_frame_with_its_dtype():
    schemas = [value for value in vars(frames).values() if isinstance(value, Schema)]
    assert len(schemas) == 6
    for schema in schemas:
        for column in schema:
            assert f"| `{column.name}` | {column.dtype} | {column.meaning}" in PAGE


def test_every_public_function_is_in_the_page():
    told = set(re.findall(r"pf\.(\w+)", PAGE)) | set(re.findall(r"`(\w+)`", PAGE))
    assert {name for name in pf.__all__ if name not in told} <= {"Decision", "GenerateOptions", "SuggestOptions"} | {
        "load_policies", "load_suggestions", "save_policies",
    }  # fmt: skip


def _commands():
    parser = cli._parser()
    (found,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return set(found.choices)


def test_the_page_has_a_function_for_every_command_and_each_one_exists():
    rows = re.findall(r"^\| `podfence ([\w ]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert _commands() <= {command.split()[0] for command, _ in rows}
    for _, functions in rows:
        for dotted in re.findall(r"`([\w.]+)`", functions):
            module, _, name = dotted.rpartition(".")
            assert callable(getattr(importlib.import_module(module), name))


def test_the_page_leads_to_pages_that_exist():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (Path(__file__).parents[2] / "docs" / target).is_file(), target


def test_folders_may_be_given_as_text(tmp_path):
    text = str(tmp_path / "out")
    capture, inventory = str(SAMPLES / "shop.pcap"), str(SAMPLES / "inventory")
    done = pf.pipeline.run([capture], inventory, text, pf.RunOptions(accept_observed=True))
    assert pf.load_suggestions(f"{text}/review") == done.reviewed.suggestions
    assert pf.load_decisions(f"{text}/review")
    assert pf.Desk(f"{text}/review").decisions.keys() == done.reviewed.decisions.keys()
    assert pf.exporting.check_export(f"{text}/review", f"{text}/policies") == ()
