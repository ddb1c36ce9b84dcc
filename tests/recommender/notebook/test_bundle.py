"""The committed bundle is what its sources give, carries its licences, and asks for nothing off the page."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import recommender.notebook

HERE = Path(recommender.notebook.__file__).parent
SOURCES, STATIC = HERE / "js", HERE / "static"
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENOTCACHED")


def _npm(*arguments, cwd):
    return subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_bundle_is_byte_for_byte_what_its_sources_give(tmp_path):
    in_ci = os.environ.get("CI") == "true"
    if shutil.which("npm") is None and not in_ci:
        pytest.skip("node and npm are not installed: the bundle cannot be built again (Debian: apt-get install npm)")
    copy = tmp_path / "somewhere else"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules"))
    installed = _npm("ci", "--prefer-offline", cwd=copy)
    if installed.returncode and not in_ci and any(word in installed.stderr for word in OFFLINE):
        pytest.skip("the npm registry cannot be reached: the bundle cannot be built again")
    assert installed.returncode == 0, installed.stderr
    built = _npm("run", "build", "--", str(tmp_path / "built"), cwd=copy)
    assert built.returncode == 0, built.stderr
    names = {file.name for file in (tmp_path / "built").iterdir()}
    assert names == {file.name for file in STATIC.iterdir()} == {"review.js", "review.css"}
    for name in sorted(names):
        assert (tmp_path / "built" / name).read_bytes() == (STATIC / name).read_bytes(), f"run `make widget`: {name}"


def test_the_lock_file_names_no_registry_and_has_a_digest_of_every_package():
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert "registry" not in json.dumps(packages)
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    assert {name for name, entry in packages.items() if not entry.get("dev")} == {"node_modules/preact"}


def test_the_bundle_carries_preacts_licence_and_no_path_of_a_machine():
    text = (STATIC / "review.js").read_text(encoding="ascii")
    assert "The MIT License (MIT)" in text
    assert "Jason Miller" in text
    assert not re.search(r"/(work|home|root|tmp|Users)/", text)


def test_no_text_becomes_markup_or_code_and_nothing_is_requested():
    bundle = (STATIC / "review.js").read_text()
    ours = "".join(file.read_text() for file in sorted((SOURCES / "src").iterdir()))
    for word in ("eval(", "new Function", "fetch(", "XMLHttpRequest", "WebSocket", "import(", "sendBeacon"):
        assert word not in bundle, word
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert word not in ours, word
    assert "url(" not in (STATIC / "review.css").read_text()
    hosts = set(re.findall(r"https?://[^\"'`\s]+", bundle))
    assert all(host.startswith("http://www.w3.org/") for host in hosts), hosts
