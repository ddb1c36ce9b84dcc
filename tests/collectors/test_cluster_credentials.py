"""From a kubeconfig, or inside of a cluster, to the address and credentials of an API server; one sentence a fault."""

import contextlib
import json
import sys
import threading

import pytest

from collectors import cluster
from collectors.cluster import ClusterError, Unauthorized, connect
from collectors.kinds import PODS
from tests.collectors.apiserver import RECORDED, Answer, document, refused, serve

CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "stage",
    "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in ("stage", "prod", "lost")],
    "clusters": [{"name": name, "cluster": {"server": f"http://{name}.example:1"}} for name in ("stage", "prod")],
    "users": [{"name": "stage", "user": {"token": "s3cr3t"}}],
}
EMPTY = {PODS.path: document(PODS, [])}


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No test sees a kubeconfig, cluster or proxy of the machine that it runs on."""
    names = (
        "KUBECONFIG",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    )
    for name in names:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(cluster, "_SERVICE_ACCOUNT", tmp_path / "serviceaccount")


def _written(folder, config=CONFIG, name="config"):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(config if isinstance(config, str) else json.dumps(config))
    return file


def _where(*arguments):
    with contextlib.closing(connect(*arguments)) as api:
        return api.where


def _said(api, kind=PODS):
    with pytest.raises(ClusterError) as fault:
        list(api.pages(kind))
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_the_context_that_is_asked_for_is_taken_else_the_current_one(tmp_path):
    file = _written(tmp_path)
    assert _where(None, file) == "http://stage.example:1"
    assert _where("prod", file) == "http://prod.example:1"


def test_the_kubeconfig_is_the_given_one_else_of_the_environment_else_of_the_home(tmp_path, monkeypatch):
    other = {**CONFIG, "current-context": "prod"}
    _written(tmp_path, CONFIG, ".kube/config")
    assert _where() == "http://stage.example:1"
    monkeypatch.setenv("KUBECONFIG", str(_written(tmp_path, other, "env")))
    assert _where() == "http://prod.example:1"
    assert _where(None, _written(tmp_path, CONFIG, "given")) == "http://stage.example:1"


def test_several_files_in_the_environment_are_one_kubeconfig(tmp_path, monkeypatch):
    extra = {**CONFIG, "current-context": "extra", "users": []}
    extra["contexts"] = [{"name": "extra", "context": {"cluster": "extra"}}]
    extra["clusters"] = [{"name": "extra", "cluster": {"server": "https://extra.example"}}]
    files = [_written(tmp_path), tmp_path / "absent", _written(tmp_path, extra, "extra")]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert _where("extra") == "https://extra.example"
    assert _where("prod") == "http://prod.example:1"


@pytest.mark.parametrize(
    ("config", "context", "says"),
    [
        (CONFIG, "dev", "no context 'dev'; those there are: lost, prod, stage"),
        ({**CONFIG, "current-context": ""}, None, "no current context; choose one with --context: lost, prod, stage"),
        (CONFIG, "lost", "not complete"),
        ("a: [", None, "not YAML"),
        ("\t- x: }", None, "not YAML"),
        ("just words", None, "no kubeconfig, though it can be read"),
        ("[1, 2]", None, "no kubeconfig, though it can be read"),
        ("", None, "not complete"),
        ("{}", None, "no current context; choose one with --context: none"),
        ({**CONFIG, "clusters": [{"name": "stage", "cluster": {}}]}, None, "has no server that begins with https://"),
        ({**CONFIG, "clusters": [{"name": "stage", "cluster": {"server": "h:1"}}]}, None, "begins with https://"),
        ({**CONFIG, "clusters": [{"name": "stage", "cluster": {"server": "https://h", "certificate-authority": "no"}}]},
         None, "not complete"),
    ],
)  # fmt: skip
def test_a_kubeconfig_that_cannot_be_used_is_one_sentence(tmp_path, config, context, says):
    file = _written(tmp_path, config)
    with pytest.raises(ClusterError) as fault:
        connect(context, file)
    assert str(fault.value).startswith(f"{file}: ")
    assert says in str(fault.value)
    assert "s3cr3t" not in str(fault.value)


def test_no_kubeconfig_is_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(ClusterError, match=r"~/\.kube/config: no such kubeconfig; name one with"):
        connect()
    with pytest.raises(ClusterError, match="absent: no such kubeconfig"):
        connect(None, tmp_path / "absent")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    with pytest.raises(ClusterError, match="no such kubeconfig"):
        connect("prod")


def test_a_folder_is_no_kubeconfig(tmp_path):
    with pytest.raises(ClusterError, match="cannot be read"):
        connect(None, tmp_path)


def test_a_user_and_password_in_the_address_are_in_no_message(tmp_path):
    named = {**CONFIG, "clusters": [{"name": "stage", "cluster": {"server": "https://me:s3cr3t@127.0.0.1:1"}}]}
    with contextlib.closing(connect(None, _written(tmp_path, named))) as api:
        assert api.where == "https://127.0.0.1:1"
        assert "s3cr3t" not in _said(api)


def _in_cluster(server, tmp_path, monkeypatch):
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("old")
    (folder / "ca.crt").write_bytes(server.certificate.read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rpartition(":")[2])
    return folder / "token"


def test_in_a_cluster_the_service_account_is_used_over_tls(tmp_path, monkeypatch):
    with serve(EMPTY, tls=True) as server:
        _in_cluster(server, tmp_path, monkeypatch)
        with contextlib.closing(connect()) as api:
            list(api.pages(PODS))
        assert server.requests[0].headers["authorization"].lower() == "bearer old"


def test_in_a_cluster_a_token_that_was_changed_on_disk_is_read_again(tmp_path, monkeypatch):
    def only_new(request):
        new = request.headers["authorization"].lower() == "bearer new"
        return EMPTY[PODS.path] if new else Answer(401, (RECORDED / "err_401_bad_token.json").read_bytes())

    with serve({PODS.path: only_new}, tls=True) as server:
        token = _in_cluster(server, tmp_path, monkeypatch)
        with contextlib.closing(connect()) as api:
            with pytest.raises(Unauthorized):
                list(api.pages(PODS))
            token.write_text("new")
            list(api.pages(PODS))


def test_in_a_cluster_without_a_token_is_one_sentence(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(ClusterError, match=r"without credentials .*give the pod a ServiceAccount"):
        connect()


def test_bad_credentials_are_loaded_again_once_and_then_said():
    with serve({PODS.path: Answer(401, (RECORDED / "err_401_bad_token.json").read_bytes())}) as server:
        said = _said(server.connect())
        assert len(server.requests) == 2
    assert said.endswith("cannot list pods: the credentials are not accepted (401); log in again, or renew the token")
    assert "t0ken" not in said


def test_a_token_file_is_read_again_after_a_401(tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    answers = [EMPTY[PODS.path], refused(401), EMPTY[PODS.path]]
    with serve({PODS.path: answers}) as server:
        api = server.connect(user={"tokenFile": str(file)})
        list(api.pages(PODS))
        file.write_text("new\n")
        list(api.pages(PODS))
        assert [request.headers["authorization"] for request in server.requests] == [
            "Bearer old", "Bearer old", "Bearer new",
        ]  # fmt: skip


def _plugin(folder, script):
    file = folder / "plugin.py"
    file.write_text(script)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(file)],
            "interactiveMode": "Never",
        }
    }


COUNTING = """
import json, pathlib
runs = pathlib.Path(__file__).with_name("runs")
count = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * count)
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": {"token": f"run{count}"}}))
"""


def test_an_exec_plugin_gives_the_token_and_is_run_again_once_however_many_threads_get_a_401(tmp_path):
    def not_the_first(request):
        return refused(401) if request.headers["authorization"] == "Bearer run1" else EMPTY[PODS.path]

    with serve({PODS.path: not_the_first}) as server:
        api = server.connect(user=_plugin(tmp_path, COUNTING))
        assert (tmp_path / "runs").read_text() == "x"
        threads = [threading.Thread(target=lambda: list(api.pages(PODS))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests[-1].headers["authorization"] == "Bearer run2"
    assert (tmp_path / "runs").read_text() == "xx"


def test_an_exec_plugin_that_fails_is_one_sentence_and_prints_nothing(tmp_path, capfd):
    script = "import sys; sys.exit('no login\\nsince yesterday')"
    with serve(EMPTY) as server, pytest.raises(Unauthorized, match=r"context 'stub' fails .*no login since yesterday"):
        server.connect(user=_plugin(tmp_path, script))
    assert capfd.readouterr() == ("", "")


def test_an_exec_plugin_that_is_not_installed_is_one_sentence(tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "absent")}}
    with (
        serve(EMPTY) as server,
        pytest.raises(Unauthorized, match=r"No such file or directory.*run `kubectl get pods`"),
    ):
        server.connect(user=user)


def test_a_token_with_a_line_end_in_it_is_no_header_of_ours():
    with serve(EMPTY) as server:
        said = _said(server.connect(user={"token": "a\r\nX-Remote-User: admin"}))
        assert not server.requests
    assert "characters that no token has" in said
    assert "admin" not in said
