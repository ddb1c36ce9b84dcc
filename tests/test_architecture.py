"""Imports point up the river, and the check shares nothing with what it checks but values (design.md 6, law 7)."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _modules():
    for package in ("collectors", "recommender"):
        for file in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), file


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from recommender import pipeline` names a module too
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


GRAPH = {name: set(_imports(file)) for name, file in _modules()}


def _reached(start):
    """All modules of ours that importing these loads, directly or through others."""
    found, waiting = set(), [name for name in GRAPH if name == start or name.startswith(start + ".")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in GRAPH[name] if other in GRAPH]
    return found


def test_collectors_know_nothing_of_the_recommender():
    assert not [name for name in _reached("collectors") if name.startswith("recommender")]


def test_law_7_the_simulator_reaches_nothing_that_decides_what_is_generated():
    deciders = {"recommender.generate", "recommender.suggest", "recommender.review", "recommender.workload"}
    assert "recommender.simulate.replay" in _reached("recommender.simulate")
    assert not deciders & _reached("recommender.simulate")


def test_law_7_the_generator_does_not_reach_its_check():
    assert not [name for name in _reached("recommender.generate") if name.startswith("recommender.simulate")]


def test_only_the_manifest_modules_know_yaml():
    users = {name for name, imports in GRAPH.items() if "yaml" in imports}
    assert users == {"recommender.manifest", "recommender.manifest_write"}


def test_nothing_prints_or_exits_but_the_command():
    users = {name for name, file in _modules() if "sys.exit" in file.read_text() or "sys.stdout" in file.read_text()}
    # a review on a terminal reads keys and draws: it is the command, in modules of its own
    assert users <= {"recommender.cli", "recommender.cli_review", "recommender.terminal_review"}


def test_every_module_says_in_its_first_line_what_it_is():
    bare = [name for name, file in _modules() if not ast.get_docstring(ast.parse(file.read_text()))]
    assert bare == []
