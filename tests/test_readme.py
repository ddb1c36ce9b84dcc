"""The README shows what the demo really gives: its summary line by line, its policies byte by byte."""

import re
from pathlib import Path

import pytest
import yaml

from recommender.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    assert main(["demo", "-o", str(folder)]) == 0
    return folder


def test_the_summary_in_the_readme_is_the_one_that_the_demo_prints(tmp_path, capsys):
    assert main(["demo", "-o", str(tmp_path)]) == 0
    (shown,) = re.findall(r"```\n(inputs .*?)```", README, re.DOTALL)
    assert shown == capsys.readouterr().out


def test_the_policies_in_the_readme_are_files_of_the_demo(demo):
    shown = [text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "kind: NetworkPolicy" in text]
    assert len(shown) == 2
    for text in shown:
        meta = yaml.safe_load(text)["metadata"]
        assert (demo / "policies" / meta["namespace"] / f"{meta['name']}.yaml").read_text() == text


def test_the_decisions_in_the_readme_are_among_the_demos(demo):
    (shown,) = [text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "podfence/decisions" in text]
    ours = yaml.safe_load((demo / "review" / "decisions.yaml").read_text())["decisions"]
    entries = yaml.safe_load(shown)["decisions"]
    assert entries
    assert entries.items() <= ours.items()
