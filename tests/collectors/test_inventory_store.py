import json
import os
from pathlib import Path

import pytest

from collectors import load_inventory
from collectors.errors import UnreadableInput
from tests.cluster import namespace, pod


def _write(path: Path, document) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def _list(*items):
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def test_a_file_and_a_folder_of_the_same_objects_are_one_inventory(tmp_path):
    one = _write(tmp_path / "one.json", _list(pod("p", "10.0.0.1"), namespace("shop")))
    _write(tmp_path / "many" / "pods.json", _list(pod("p", "10.0.0.1")))
    _write(tmp_path / "many" / "deeper" / "namespaces.json", _list(namespace("shop")))
    assert load_inventory(one) == load_inventory(tmp_path / "many")


def test_a_timeline_tells_when_a_pod_was_deleted(tmp_path):
    events = [
        {"time": "2026-11-01T10:00:00Z", "type": "ADDED", "object": pod("p", "10.0.0.1")},
        {"time": "2026-11-01T11:00:00Z", "type": "DELETED", "object": pod("p", "10.0.0.1")},
    ]
    text = "".join(json.dumps(event) + "\n" for event in events)
    found = load_inventory(_write(tmp_path / "t.jsonl", text + '{"time": "2026-11-'))
    assert f"{found.pods[0].end:%H:%M:%S}" == "11:00:01"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1, 2]", "no Kubernetes object"),
        ({"hello": "world"}, "no Kubernetes object"),
        ({"kind": "Status", "apiVersion": "v1", "message": "pods is forbidden"}, "pods is forbidden"),
    ],
)
def test_what_is_no_inventory_is_refused_by_name_and_reason(tmp_path, document, says):
    file = _write(tmp_path / "x.json", document)
    with pytest.raises(UnreadableInput, match=says) as caught:
        load_inventory(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_and_an_empty_folder_say_how_to_make_one(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UnreadableInput, match="kubectl get"):
            load_inventory(path)


def test_a_timeline_line_that_is_no_event_is_named_by_its_number(tmp_path):
    with pytest.raises(UnreadableInput, match=r"t.jsonl, line 2: "):
        load_inventory(_write(tmp_path / "t.jsonl", '\n{"time": 1}\n'))


@pytest.mark.skipif(not os.environ.get("PODFENCE_SHARED"), reason="PODFENCE_SHARED names no folder of recorded answers")
def test_answers_recorded_from_a_real_api_server_are_read():
    folder = Path(os.environ["PODFENCE_SHARED"]) / "recorded-api"
    found = load_inventory(folder / "list_pods.json")
    owners = {p.name: p.ips for p in found.pods if "10.42.2.77" in p.ips and p.end is None}
    assert list(owners) == ["report-viewer"]
