"""Turns a page of JupyterLab into a notebook that is run and a review widget that is read."""

import re

import nbformat
from playwright.sync_api import expect

from tests.notebooks.running import shipped

RUN_TIME = 40_000
"""Milliseconds that a whole notebook may take on a busy machine."""
_COMMAND = """([name, given, patience]) => Promise.race([
  window.jupyterapp.commands.execute(name, given),
  new Promise((_, late) => setTimeout(() => late(new Error(`${name} does not end`)), patience)),
])"""
_READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.status === 'idle';
}"""
_NUMBERED = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
  .every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent))"""
_TIDY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  if (app.shell.leftCollapsed === false) app.shell.collapseLeft();
  if (app.shell.rightCollapsed === false) app.shell.collapseRight();
}"""


def write_notebook(file, *cells):
    """Write a notebook with these cells of code."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, file)


def copy_shipped(name, folder):
    """Write a shipped notebook into a folder."""
    nbformat.write(shipped(name), folder / name)


class ReviewPage:
    """The review widget in a notebook on a page."""

    def __init__(self, page, lab):
        self.page, self.lab = page, lab
        self.root = page.get_by_test_id("podfence-review")

    def open(self, file, *, dark=False):
        """Open a notebook, alone on the page."""
        self.page.goto(self.lab.address(file.relative_to(self.lab.root)))
        self.page.wait_for_function("window.jupyterapp !== undefined")
        self.page.evaluate(_TIDY)
        self.page.locator(".jp-Notebook").wait_for()
        if dark != (self.page.locator("body").get_attribute("data-jp-theme-light") == "false"):  # kept by the server
            self.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")
            light = "false" if dark else "true"
            self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def command(self, name, **arguments):
        """Execute a command of JupyterLab, as its menus do."""
        self.page.evaluate(_COMMAND, [name, arguments, RUN_TIME])

    def run(self):
        """Run all cells, and wait until none is left and the widget is there."""
        self.page.wait_for_function(_READY, timeout=RUN_TIME)
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(_NUMBERED, timeout=RUN_TIME)
        expect(
            self.page.locator(
                "[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type='application/vnd.jupyter.error']"
            )
        ).to_have_count(0)
        self.root.wait_for(timeout=RUN_TIME)

    def step(self):
        """Run the first cell, and go on to the next."""
        self.page.wait_for_function(_READY, timeout=RUN_TIME)
        self.command("notebook:run-cell-and-select-next")
        expect(self.page.locator(".jp-CodeCell .jp-InputPrompt").first).to_have_text("[1]:")

    def part(self, name):
        """Return the part of the widget with this test id."""
        return self.root.get_by_test_id(name)

    def row(self, words):
        """Return the one row with these words."""
        return self.part("row").filter(has_text=words)

    def rows(self, number):
        """Wait until the table has this many rows in all."""
        expect(self.part("shown")).to_have_text(re.compile(rf"^{number:,} rows?, "))

    def now(self):
        """Return the line that says what exporting now would do."""
        return self.part("if-exported-now").get_attribute("aria-label")

    def says(self, words):
        """Wait until the last line says these words."""
        expect(self.part("said")).to_contain_text(words)

    def chosen(self, words):
        """Choose the row with these words by a click, and wait for its details."""
        row = self.row(words)
        row.click()
        expect(self.part("detail")).to_have_attribute("data-key", row.get_attribute("data-key"))
        expect(self.part("detail")).to_have_attribute("aria-busy", "false")
        return row
