"""Turns a folder into the name of who works in it."""

import getpass
import shutil
import subprocess
from pathlib import Path

from collectors.errors import one_line

_PATIENCE = 5
"""Seconds after which git is not waited for."""
_LONGEST = 100


def whoever(folder: Path) -> str:
    """Return who works here: as git calls them in this folder, else as the system does; "" where neither knows."""
    return one_line(_git_name(folder) or _login_name(), _LONGEST)


def _git_name(folder: Path) -> str:
    git = shutil.which("git")
    if git is None or not folder.is_dir():
        return ""
    command = [git, "-C", str(folder), "config", "--get", "user.name"]
    try:
        found = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE)  # noqa: S603 - a fixed command, and a folder as an argument of its own
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a git that does not work is as good as none
    return found.stdout.decode("utf-8", "replace").strip() if found.returncode == 0 else ""


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        return ""
