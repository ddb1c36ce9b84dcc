"""Over real HTTP and TLS to what may answer there: an API server, a proxy, nobody; one sentence for each fault."""

import ast
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collectors.cluster import Busy, ClusterError, Forbidden, NotServed, Unreachable
from collectors.kinds import PODS, Kind
from tests.collectors.apiserver import RECORDED, Answer, document, recorded, refused, serve

EMPTY = {PODS.path: document(PODS, [])}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No test sees a proxy of the machine that it runs on."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def _said(api, kind=PODS):
    with pytest.raises(ClusterError) as fault:
        list(api.pages(kind))
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_what_is_forbidden_names_the_verb_the_resource_the_user_and_the_way_out():
    secrets = Kind("Secret", "", "v1", "secrets")
    jobs = Kind("Job", "batch", "v1", "jobs")
    with serve({
        PODS.path: Answer(403, (RECORDED / "err_403_anonymous.json").read_bytes()),
        secrets.path: Answer(403, (RECORDED / "err_403_reader_secrets.json").read_bytes()),
        f"{jobs.path}?watch": refused(403),
        "/apis/a/v1": refused(403),
    }) as server:  # fmt: skip
        api = server.connect()
        assert _said(api) == (
            f"{server.url}: user 'system:anonymous' cannot list resource pods at the cluster scope; "
            "apply deploy/rbac.yaml, or ask for the verbs list and watch on it"
        )
        assert "user 'np-reader' cannot list resource secrets" in _said(api, secrets)
        with pytest.raises(Forbidden, match="cannot watch resource jobs in API group batch at the cluster scope"):
            list(api.events(jobs, "1"))
        with pytest.raises(Forbidden, match="cannot get /apis/a/v1; ask for the verb get"):
            api.get("/apis/a/v1")


def test_what_an_old_server_lacks_is_not_served():
    text = (RECORDED / "err_404_unknown_api.txt").read_bytes()
    with serve({"/apis/x/v9": Answer(404, text)}) as server:
        with pytest.raises(NotServed, match="could not find the requested resource"):
            server.connect().get("/apis/x/v9")
        with pytest.raises(NotServed, match="404 page not found"):
            server.connect().get("/other")


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (Answer(200, HTML, content_type="text/html"), Unreachable, "a proxy or login page is in the way"),
        (Answer(200, b"  " + HTML), Unreachable, "a proxy or login page is in the way"),
        (Answer(403, HTML, content_type="text/html; charset=utf-8"), Unreachable, "a proxy or login page"),
        (Answer(404, HTML, content_type="text/html"), Unreachable, "a proxy or login page"),
        (Answer(502, HTML, content_type="text/html"), Busy, "overloaded or broken (502)"),
        (Answer(407, b""), Unreachable, "a proxy wants a login (407)"),
        (Answer(302, b"", {"Location": "/api/v1/secrets"}), Unreachable, "sent elsewhere (302)"),
        (Answer(400, b"Client sent an HTTP request to an HTTPS server.\n"), Unreachable, "write https://"),
        (Answer(418, b"teapot"), ClusterError, "answers 418 (teapot)"),
        (Answer(200, b"OK"), Unreachable, "no Kubernetes JSON ('OK')"),
        (Answer(200, b"\xff\xfe"), Unreachable, "no Kubernetes JSON"),
    ],
)
def test_whatever_else_answers_is_named(answer, error, says):
    with serve({PODS.path: answer, "/api/v1/secrets": {}}) as server:
        api = server.connect(sleep=lambda _: None)
        with pytest.raises(error) as fault:
            list(api.pages(PODS))
        assert {request.path for request in server.requests} == {PODS.path}  # no redirect is followed
    assert says in str(fault.value)


def test_a_server_with_a_certificate_that_nobody_vouches_for_is_refused_and_told():
    with serve(EMPTY, tls=True) as server:
        assert list(server.connect().pages(PODS))
        assert "self-signed, or from an authority that is not known" in _said(server.connect(trust=False))
        assert "certificate is for another name" in _said(server.connect(**{"tls-server-name": "other"}))
        assert len(server.requests) == 1


def test_tls_spoken_to_a_port_without_it_is_told():
    with serve(EMPTY) as server:
        assert "does not speak TLS there; check the port" in _said(
            server.connect(server=server.url.replace("http:", "https:"))
        )


@pytest.mark.parametrize(
    ("address", "says"),
    [("https://127.0.0.1:1", "connection refused"), ("https://api.invalid:6443", "its name is not known"),
     ("http://[::1", "no kubeconfig, though it can be read"), ("https://127.0.0.1:99999", "no connection")],
)  # fmt: skip
def test_a_server_that_is_not_there_is_told(address, says):
    with serve(EMPTY) as server, pytest.raises(ClusterError, match=says):
        list(server.connect(server=address).pages(PODS))


def test_a_proxy_that_refuses_is_told():
    with serve({PODS.path: Answer(407, HTML, content_type="text/html")}) as proxy:
        # a plain server is asked for through the proxy by GET, one with TLS by CONNECT, which this proxy does not have
        plain = _said(proxy.connect(server="http://api.example:6443", **{"proxy-url": proxy.url}))
        assert "a proxy or login page is in the way" in plain
        tunnel = _said(proxy.connect(server="https://api.example:6443", **{"proxy-url": proxy.url}))
        assert "a proxy does not let it through" in tunnel
        nobody = _said(proxy.connect(server="https://api.example:6443", **{"proxy-url": "http://127.0.0.1:1"}))
        assert "the proxy does not answer" in nobody


def test_a_proxy_that_wants_a_login_for_its_tunnel_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            client, _ = listening.accept()
            with client:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with serve(EMPTY) as server:
            proxy = f"http://127.0.0.1:{listening.getsockname()[1]}"
            said = _said(server.connect(server="https://api.example:6443", **{"proxy-url": proxy}))
        thread.join()
    assert "a proxy wants a login (407)" in said


def test_texts_of_a_server_are_cut_to_a_bounded_length():
    with serve({PODS.path: refused(418, "a" * 100_000), "/x": Answer(400, b"b" * 100_000)}) as server:
        assert len(_said(server.connect())) < 600
        with pytest.raises(ClusterError) as fault:
            server.connect().get("/x")
    assert len(str(fault.value)) < 600


def test_requests_carry_the_token_our_name_and_ask_for_json():
    with serve(EMPTY) as server:
        list(server.connect().pages(PODS))
        (request,) = server.requests
    assert request.method == "GET"
    assert (request.headers["authorization"], request.headers["user-agent"]) == ("Bearer t0ken", "podfence")
    assert request.headers["accept"] == "application/json"


def test_many_threads_may_ask_at_once():
    found = []
    with serve(recorded()) as server:
        api = server.connect()
        threads = [threading.Thread(target=lambda: found.extend(api.pages(PODS, limit=10))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(len(page.items) for page in found) == 8 * 33


def test_one_module_alone_knows_the_kubernetes_package():
    users = set()
    for package in ("collectors", "recommender"):
        for file in sorted((Path(__file__).parents[2] / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                users |= {file.name for name in names if name.split(".")[0] in {"kubernetes", "urllib3"}}
    assert users == {"cluster.py"}


def test_importing_the_client_loads_nothing_heavy():
    code = (
        "import sys, collectors.cluster; sys.exit(bool({'kubernetes', 'urllib3', 'yaml', 'pandas'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
