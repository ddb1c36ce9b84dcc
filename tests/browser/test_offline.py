"""The guards of the browser tests: what asks another host is stopped and recorded."""

import os
import subprocess
import sys

from tests.browser import offline


def test_a_request_of_a_page_to_another_host_is_stopped_and_recorded(watched):
    watched.forget()
    page = watched.context.new_page()
    page.goto("about:blank")  # JupyterLab's own pages may forbid it before it is asked for
    failed = page.evaluate("fetch('http://192.0.2.1/x').then(() => false, () => true)")
    page.evaluate("new Promise(done => { new WebSocket('ws://192.0.2.1/y').onclose = done; setTimeout(done, 500) })")
    page.close()
    assert failed
    assert watched.off == ["http://192.0.2.1/x", "ws://192.0.2.1/y"]


def test_a_call_of_the_server_or_a_kernel_to_another_host_is_stopped_and_recorded(tmp_path, lab):
    calls = tmp_path / "calls"
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), 5)"
    environment = {**os.environ, "PYTHONPATH": str(lab.root.parent / "guard"), offline.CALLS: str(calls)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "the browser tests are offline" in done.stderr
    assert "'192.0.2.1'" in calls.read_text()


def test_loopback_is_no_other_host():
    assert [offline.is_own(host) for host in ("127.0.0.1", "::1", "localhost", None, b"127.0.0.1")] == [True] * 5
    assert [offline.is_own(host) for host in ("192.0.2.1", "jupyter.org", "2001:db8::1")] == [False] * 3
