"""/metrics and /healthz are answered whoever else connects: clients that send garbage, hang, or go away."""

import socket
import time
import urllib.error
import urllib.request

import pytest

from collectors.errors import PodfenceError
from recommender import learning_server
from recommender.learning_server import served


def answers(path):
    return {"/metrics": (200, "a 1\n"), "/healthz": (503, "late\n")}.get(path)


def asked(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read(), fault.headers


def dripped(client):
    """Send a byte now and then; return how many seconds the server bore it."""
    begun = time.monotonic()
    while time.monotonic() < begun + 30:
        try:
            client.sendall(b"x")
        except OSError:
            break
        time.sleep(0.1)
    return time.monotonic() - begun


def rest(client):
    """Return what comes until the server parts with a client."""
    client.settimeout(10)
    found = b""
    try:
        while piece := client.recv(4096):
            found += piece
    except ConnectionResetError:
        pass
    return found


def test_each_path_has_its_status_and_text():
    with served("127.0.0.1:0", answers) as port:
        status, text, headers = asked(port, "/metrics?a=b")
        assert (status, text) == (200, b"a 1\n")
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert headers["Server"] == "podfence"
        assert asked(port, "/healthz")[:2] == (503, b"late\n")
        assert asked(port, "/")[0] == 404


def test_ipv6_is_answered_too():
    with served("[::1]:0", answers) as port, socket.create_connection(("::1", port), 10) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert rest(client).endswith(b"a 1\n")


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\0\x01\xff\xfc", b"GET\r\n\r\n", b"GET " + b"x" * 70_000, b"POST / HTTP/1.1\r\n\r\n", b""],
)
def test_garbage_is_parted_with_and_nothing_is_said_of_it(garbage, capfd):
    with served("127.0.0.1:0", answers) as port:
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            rest(client)
        assert asked(port, "/metrics")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_client_that_goes_away_unanswered_is_not_spoken_of(capfd):
    with served("127.0.0.1:0", lambda _: (200, "x" * 10_000_000)) as port:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), 10) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                client.recv(1)
        assert asked(port, "/metrics")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_client_that_hangs_is_parted_with_although_it_sends_a_byte_now_and_then(monkeypatch):
    monkeypatch.setattr(learning_server, "_SECONDS", 1)
    with served("127.0.0.1:0", answers) as port, socket.create_connection(("127.0.0.1", port), 10) as client:
        assert dripped(client) < 20
        assert asked(port, "/metrics")[0] == 200


def test_clients_beyond_the_ceiling_are_turned_away_and_those_after_answered(monkeypatch):
    monkeypatch.setattr(learning_server, "_MOST_CLIENTS", 2)
    monkeypatch.setattr(learning_server, "_SECONDS", 3)
    with served("127.0.0.1:0", answers) as port:
        hanging = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            assert rest(client) == b""
        for client in hanging:
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert rest(client).endswith(b"a 1\n")
            client.close()
        for _ in range(100):
            try:
                if asked(port, "/metrics")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
    raise AssertionError("nobody is answered any more")


@pytest.mark.parametrize("address", ["", "9469", ":9469", "localhost:", "localhost:70000", "localhost:²", "a:-1"])
def test_what_is_no_address_is_said(address):
    with pytest.raises(PodfenceError, match="is no address to answer at"), served(address, answers):
        pass


def test_an_address_that_is_taken_is_said():
    with (
        served("127.0.0.1:0", answers) as port,
        pytest.raises(PodfenceError, match=r"in use.*name another address"),
        served(f"127.0.0.1:{port}", answers),
    ):
        pass


def test_the_port_is_free_again_at_the_end():
    with served("127.0.0.1:0", answers) as port:
        pass
    with served(f"127.0.0.1:{port}", answers) as again:
        assert again == port
