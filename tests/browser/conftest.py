"""Turns JupyterLab and Debian's Chromium into pages that reach nothing but loopback; skips in one sentence without."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.lab import Process
from tests.browser.offline import is_own

WIDGET = Path(__file__).parents[2] / "recommender" / "notebook" / "js"
CHROMIUM = "/usr/bin/chromium"
WINDOW = {"width": 1440, "height": 1400}


def _missing():
    modules = [name for name in ("jupyterlab", "playwright", "anywidget") if importlib.util.find_spec(name) is None]
    if modules:
        return f"the browser tests need {', '.join(modules)}: pip install -e '.[test,browser]'"
    if not Path(CHROMIUM).exists():
        return f"the browser tests need {CHROMIUM}: apt-get install chromium"
    return ""


@pytest.fixture(scope="package", autouse=True)
def browser_tools():
    """Skip where a part is missing; in CI that is a failure."""
    missing = _missing()
    if missing:
        _give_up(missing)


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    with Process(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="package")
def chromium():
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


class Watched:
    """What a page did that no page of ours should do."""

    def __init__(self, context):
        self.forget()
        context.route(re.compile(".*"), self._route)
        context.route_web_socket(lambda url: not self._own(url), lambda socket: self.off.append(socket.url))
        context.on("dialog", self._dialog)
        context.on("weberror", lambda fault: self.faults.append(str(fault.error)))

    def forget(self):
        """Begin again: what was before is another test's."""
        self.off, self.dialogs, self.faults = [], [], []

    def _route(self, route):
        if self._own(route.request.url):
            route.fallback()
        else:
            self.off.append(route.request.url)
            route.abort()

    @staticmethod
    def _own(url):
        parts = urlsplit(url)
        return parts.scheme in {"data", "blob", "about"} or is_own(parts.hostname)

    def _dialog(self, dialog):
        if dialog.type != "beforeunload":  # JupyterLab asks about a notebook that is not saved
            self.dialogs.append(dialog.message)
        dialog.accept()


def _give_up(sentence):
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="package")
def axe(tmp_path_factory):
    """The text of axe-core, of the version in the lock file of the widget's sources."""
    installed = WIDGET / "node_modules" / "axe-core" / "axe.min.js"
    if installed.exists():
        return installed.read_text(encoding="utf-8")
    if shutil.which("npm") is None:
        _give_up("the accessibility tests need axe-core: apt-get install npm")
    copy = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WIDGET / name, copy)
    words = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode:
        _give_up(f"the accessibility tests need axe-core, which npm could not install: {done.stderr.strip()[-300:]}")
    return (copy / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def watched(chromium):
    """A browser context that knows nothing at first, and what its pages did; no request leaves loopback.

    One for all tests, so that JupyterLab's own code is fetched and compiled once.
    """
    context = chromium.new_context(viewport=WINDOW, reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(20_000)
    found = Watched(context)
    found.context = context
    yield found
    context.close()


@pytest.fixture
def page(watched, lab):
    """A page; the test fails where it, the server or a kernel asked another host for anything, or a dialog came up."""
    watched.forget()
    before = len(lab.calls())
    yield watched.context.new_page()
    for opened in watched.context.pages:
        opened.close()
    assert watched.off == []
    assert lab.calls()[before:] == []
    assert watched.dialogs == []
    assert watched.faults == []


@pytest.fixture
def folder(lab, request):
    """A folder of this test alone in the root of JupyterLab."""
    made = lab.root / re.sub(r"\W+", "-", request.node.name)[:60]
    made.mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)  # a kernel may still write its history


@pytest.fixture
def shoot():
    """Keep a picture of something on the page, where PODFENCE_SCREENSHOTS names a folder for them."""
    kept = os.environ.get("PODFENCE_SCREENSHOTS")

    def take(name, what):
        if kept:
            Path(kept).mkdir(parents=True, exist_ok=True)
            what.screenshot(path=Path(kept) / f"{name}.png", animations="disabled")

    return take
