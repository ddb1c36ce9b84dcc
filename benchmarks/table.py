"""Turns samples into Markdown tables, and puts them where a document has a place for them."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

README = Path(__file__).with_name("README.md")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns after the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def digits(value: float) -> str:
    """Return a number with three digits that count, and no exponent."""
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    places = max(0, 3 - whole)
    if not whole:
        places = 2 - int(f"{value:e}".split("e")[1])
    return f"{value:,.{places}f}"


def paste(document: Path, name: str, text: str) -> None:
    """Put text between the marker lines of that name; the rest of the document stays."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document} has no place for {name}: it needs the lines {begin.strip()} and {end.strip()}.")
    document.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}")


def machine(*more: str) -> str:
    """Return one line on what this was measured on."""
    found = re.search(r"model name\s*:\s*(.+)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    parts = [
        found[1] if found else platform.machine(),
        f"{os.cpu_count()} cores",
        f"{int(memory[1]) >> 20} GiB" if memory else "",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
        *more,
    ]
    return f"Machine: {', '.join(part for part in parts if part)}."


def version(package: str) -> str:
    """Return the version of an installed Debian package, "" where that cannot be told."""
    try:
        command = ["dpkg-query", "-W", "-f", "${Version}", package]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def module_version(python: str, module: str) -> str:
    """Return the version of a module in some Python, "" where it has none."""
    command = [python, "-c", f"from importlib.metadata import version; print(version({module!r}))"]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
