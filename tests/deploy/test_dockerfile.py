"""deploy/Dockerfile, read as text, for there is no Docker here: what it copies is there, what it ends as is bare."""

import fnmatch
import json
import re
import shlex
import tomllib

from tests.deploy.manifests import DEPLOY, ROOT

TEXT = (DEPLOY / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def _steps():
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def _stages():
    stages = []
    for step, rest in _steps():
        if step == "FROM":
            stages.append([])
        stages[-1].append((step, rest))
    return stages


def _copied():
    """What comes from the folder that is built, not from another stage."""
    sources = [shlex.split(rest)[:-1] for step, rest in _steps() if step == "COPY" and "--from=" not in rest]
    return [source for row in sources for source in row]


def test_there_are_two_stages_and_both_start_from_the_same_plain_python():
    stages = _stages()
    assert [stage[0][1] for stage in stages] == ["python:3.11-slim AS build", "python:3.11-slim"]


def test_no_registry_is_named():
    assert not re.search(r"[a-z0-9-]+\.[a-z]{2,}/", TEXT)


def test_the_compiler_is_in_the_first_stage_only():
    first, last = (" ".join(rest for _, rest in stage) for stage in _stages())
    assert "gcc" in first
    assert not re.search(r"gcc|apt-get|\bpip\b|RUN", last)
    assert "RUN" not in {step for step, _ in _stages()[1]}


def test_what_is_copied_is_there_and_is_not_ignored():
    first, *rest = IGNORED
    allowed = [line.removeprefix("!") for line in rest if line.startswith("!")]
    denied = [line for line in rest if not line.startswith("!")]
    assert first == "*"
    assert sorted(_copied()) == sorted(allowed)
    for source in _copied():
        assert (ROOT / source).exists()
        assert not any(fnmatch.fnmatch(source, pattern) for pattern in denied)


def test_everything_that_the_wheel_is_made_of_is_copied():
    setuptools = PROJECT["tool"]["setuptools"]
    folders = [setuptools["package-dir"].get(name, name.replace(".", "/")) for name in setuptools["packages"]]
    needed = {"pyproject.toml", "setup.py", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert needed | {folder.split("/")[0] for folder in folders} <= set(_copied())


def test_every_extra_that_is_installed_is_one_that_the_project_has():
    (extras,) = re.findall(r"podfence-\*\.whl\)\[([a-z,]+)\]", TEXT)
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_the_last_stage_ends_as_nobody_in_the_command():
    last = dict(_stages()[1])
    user, _, group = last["USER"].partition(":")
    assert int(user) >= 10000
    assert int(group) >= 10000
    (program,) = json.loads(last["ENTRYPOINT"])
    assert program in PROJECT["project"]["scripts"]
    assert last["COPY"] == "--from=build /opt/podfence /opt/podfence"
    assert "PATH=/opt/podfence/bin:$PATH" in last["ENV"]
