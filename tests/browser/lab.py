"""Turns a temporary folder into a JupyterLab on loopback that is offline, with a token, and with nobody's settings."""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.browser import offline

PATIENCE = 90
"""Seconds to wait for a server on a busy machine."""


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: where it listens, what it serves, and the file of its calls to other hosts."""

    url: str
    token: str
    root: Path
    log: Path

    def calls(self):
        """Return the calls to other hosts that the server or a kernel tried."""
        return self.log.read_text().splitlines()

    def address(self, path):
        """Return where a file of the root opens in JupyterLab, in a workspace of its own: two pages share none."""
        workspace = hashlib.sha256(str(path).encode()).hexdigest()[:12]
        return f"{self.url}lab/workspaces/{workspace}/tree/{path}?reset&token={self.token}"


class Process:
    """The server as a process group; use it in a `with`, so that no kernel is left."""

    def __init__(self, home):
        self.home, self.root, self.token = home, home / "root", secrets.token_hex(16)
        for folder in (self.root, home / "guard", home / "runtime"):
            folder.mkdir()
        self.calls = home / "calls"
        self.calls.touch()
        self.said = home / "server.log"
        self._quiet()

    def __enter__(self):
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                self._command(), env=self._environment(), cwd=self.root, stdin=subprocess.DEVNULL,
                stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            return Lab(self._url(), self.token, self.root, self.calls)
        except BaseException:
            self._stop()
            raise

    def __exit__(self, *_):
        self._stop()

    def _stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _quiet(self):
        """Neither news nor updates are fetched, and no question about them covers the notebook."""
        settings = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        guard = Path(offline.__file__).read_text(encoding="utf-8")
        (self.home / "guard" / "sitecustomize.py").write_text(f"{guard}\n\nwatch()\n", encoding="utf-8")

    def _environment(self):
        own = {
            "HOME": self.home, "JUPYTER_CONFIG_DIR": self.home / "config", "JUPYTER_DATA_DIR": self.home / "data",
            "JUPYTER_RUNTIME_DIR": self.home / "runtime", "JUPYTERLAB_SETTINGS_DIR": self.home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": self.home / "workspaces", "IPYTHONDIR": self.home / "ipython",
            "JUPYTER_TOKEN": self.token, "PYTHONPATH": self.home / "guard", offline.CALLS: self.calls,
        }  # fmt: skip
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("JUPYTER", "PYTHON"))}
        return {**kept, **{name: str(text) for name, text in own.items()}}

    def _command(self):
        options = {
            "ip": "127.0.0.1", "port": 0, "root_dir": self.root, "open_browser": False, "allow_root": True,
            "terminals_enabled": False,
        }  # fmt: skip
        chosen = [f"--ServerApp.{name}={value}" for name, value in options.items()]
        lab = ["--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"]
        return [sys.executable, "-m", "jupyterlab", *chosen, *lab]

    def _url(self):
        """Return the address, once the server answers there."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            for file in (self.home / "runtime").glob("jpserver-*.json"):
                url = json.loads(file.read_text() or "{}").get("url")
                if url and _answers(url, self.token):
                    return url
            time.sleep(0.1)
        raise AssertionError(f"JupyterLab did not start:\n{self.said.read_text()[-3000:]}")


def _answers(url, token):
    asked = urllib.request.Request(f"{url}api/status", headers={"Authorization": f"token {token}"})  # noqa: S310 - http on loopback
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - as above
            return answer.status == 200
    except OSError:
        return False
