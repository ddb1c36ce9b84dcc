"""Turns a Python process into one that reaches no host but its own: other calls are refused and written to a file.

The text of this module is also the `sitecustomize` of JupyterLab and its kernels, so it imports nothing of ours.
"""

import os
import socket
import sys

CALLS = "PODFENCE_TEST_CALLS"
"""The environment variable that names the file."""
_OWN = ("127.", "::1", "localhost", "0.0.0.0")


def is_own(host):
    """Say whether a host is this machine."""
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "localhost")
    return name.startswith(_OWN) or name in {"::", socket.gethostname()}


def watch():
    """Refuse every call of this process to another host from now on."""
    file = os.environ[CALLS]

    def hook(event, arguments):
        if event in {"socket.connect", "socket.sendto"}:
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else None  # else a socket file
        elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
            host = arguments[0]
        else:
            return
        if not is_own(host):
            with open(file, "a", encoding="utf-8") as calls:  # noqa: PTH123 - nothing is imported while Python starts
                calls.write(f"{os.getpid()} {event} {host!r}\n")
            raise PermissionError(f"the browser tests are offline: {event} {host!r}")

    sys.addaudithook(hook)
