"""Turns a shipped notebook into the outputs of a real kernel that runs it in some folder, warnings being errors."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
# The kernel itself warns of its own ways while it shuts down.
_STRICT = "import warnings\nwarnings.simplefilter('error')\nwarnings.filterwarnings('ignore', module='ipykernel')"


def shipped(name):
    """Return a notebook as it is in the repository."""
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def run(name, folder, before=""):
    """Run a notebook from top to bottom in a folder; return its code cells with their outputs. A fault raises."""
    notebook = shipped(name)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"{_STRICT}\n{before}"))
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=180, resources=where).execute()
    return [cell for cell in notebook.cells[1:] if cell.cell_type == "code"]


def shown(cell, kind="text/html"):
    """Return what a cell shows, of one kind, one after the other."""
    return "".join(output.get("data", {}).get(kind, "") for output in cell.outputs)


def showing(cells, code):
    """Return what the first cell with this code in it shows."""
    return shown(next(cell for cell in cells if code in cell.source))
