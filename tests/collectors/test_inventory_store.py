import gc
import json
from pathlib import Path

import pytest

from collectors import load_inventory
from collectors.errors import NewerArtefact, UnreadableInput
from tests.cluster import event, namespace, owner, pod, write_snapshot, write_timeline


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
        ({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "rows": []}, "only an excerpt"),
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


HEAD = {"kind": "podfence/snapshot", "version": 1, "time": "2026-11-01T10:00:00Z", "missing": {}}


def test_b7_a_pod_that_a_later_snapshot_lacks_ended_by_then(tmp_path):
    write_snapshot(tmp_path / "1", "2026-11-01T10:10:00Z", pods=[pod("p", "10.0.0.1"), pod("q", "10.0.0.2")])
    write_snapshot(tmp_path / "2", "2026-11-01T10:20:00Z", pods=[pod("q", "10.0.0.2")])
    write_snapshot(tmp_path / "3", "2026-11-01T10:30:00Z", pods=[])
    ends = {item.name: f"{item.end:%H:%M:%S}" for item in load_inventory(tmp_path).pods}
    assert ends == {"p": "10:20:01", "q": "10:30:01"}


def test_b7_a_snapshot_that_could_not_list_pods_ends_none(tmp_path):
    write_snapshot(tmp_path / "1", "2026-11-01T10:10:00Z", pods=[pod("p", "10.0.0.1")])
    write_snapshot(tmp_path / "2", "2026-11-01T10:20:00Z", {"Pod": "forbidden"}, services=[])
    assert load_inventory(tmp_path).pods[0].end is None


def test_b7_pages_are_one_list_and_a_list_without_its_last_page_ends_nothing(tmp_path):
    write_snapshot(tmp_path / "1", "2026-11-01T10:10:00Z", pods=[pod("p", "10.0.0.1"), pod("q", "10.0.0.2")])
    later = write_snapshot(tmp_path / "2", "2026-11-01T10:20:00Z")
    first = {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "more"}, "items": [pod("p", "10.0.0.1")]}
    _write(later / "a.json", first)
    assert [item.end for item in load_inventory(tmp_path).pods] == [None, None]
    _write(later / "b.json", {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})
    assert [item.end is None for item in load_inventory(tmp_path).pods] == [True, False]


def test_b7_a_pod_seen_by_the_watcher_ends_where_a_later_snapshot_lacks_it(tmp_path):
    write_timeline(tmp_path / "timeline-000001.jsonl", [event("ADDED", "2026-11-01T10:00:00Z", pod("p", "10.0.0.1"))])
    write_snapshot(tmp_path / "later", "2026-11-01T10:20:00Z", pods=[])
    assert f"{load_inventory(tmp_path).pods[0].end:%H:%M:%S}" == "10:20:01"


def test_what_could_not_be_listed_is_told_with_the_newest_reason(tmp_path):
    write_snapshot(tmp_path / "20261101T100000Z", "2026-11-01T10:00:00Z", {"Job": "old", "Node": "forbidden"}, pods=[])
    write_snapshot(tmp_path / "20261102T100000Z", "2026-11-02T10:00:00Z", {"Job": "forbidden"}, pods=[])
    _write(tmp_path / "watch.json", {"kind": "podfence/watch", "version": 1, "missing": {"ServiceCIDR": "not served"}})
    assert load_inventory(tmp_path).missing == {"Job": "forbidden", "Node": "forbidden", "ServiceCIDR": "not served"}


def test_ranges_may_be_given_and_a_bad_one_is_refused(tmp_path):
    file = _write(tmp_path / "one.json", _list(pod("p", "10.0.0.1")))
    found = load_inventory(file, pod_cidrs=["10.0.0.0/16"], service_cidrs=["10.96.0.0/12"])
    assert (found.pod_cidrs, found.service_cidrs) == (("10.0.0.0/16",), ("10.96.0.0/12",))
    with pytest.raises(UnreadableInput, match=r"^Service range: "):
        load_inventory(file, service_cidrs=["10.96.0.0/40"])


@pytest.mark.parametrize("name", ["snapshot.json", "watch.json"])
def test_the_work_of_a_newer_podfence_is_refused_with_both_versions(tmp_path, name):
    kind = f"podfence/{name.removesuffix('.json')}"
    _write(tmp_path / name, HEAD | {"kind": kind, "version": 7})
    with pytest.raises(NewerArtefact, match="version 7, this podfence reads up to 1"):
        load_inventory(tmp_path)


@pytest.mark.parametrize(
    "damage", [{"version": None}, {"version": "1"}, {"missing": ["Pod"]}, {"time": "soon"}, {"time": None}]
)
def test_a_damaged_head_is_refused_by_name(tmp_path, damage):
    file = _write(tmp_path / "snapshot.json", HEAD | damage)
    with pytest.raises(UnreadableInput) as caught:
        load_inventory(tmp_path)
    assert str(file) in str(caught.value)


def test_a_list_that_is_only_named_like_a_head_is_a_list(tmp_path):
    _write(tmp_path / "snapshot.json", _list(pod("p", "10.0.0.1")))
    assert len(load_inventory(tmp_path).pods) == 1


def test_a_snapshot_that_is_being_written_is_passed_over(tmp_path):
    write_snapshot(tmp_path / "20261101T100000Z", "2026-11-01T10:00:00Z", pods=[pod("p", "10.0.0.1")])
    write_snapshot(tmp_path / ".20261101T110000Z", "2026-11-01T11:00:00Z", pods=[])
    assert load_inventory(tmp_path).pods[0].end is None


def test_lines_of_types_that_tell_of_no_object_are_passed_over_and_gaps_are_counted(tmp_path):
    lines = [
        event("ADDED", "2026-11-01T10:00:00Z", pod("p", "10.0.0.1")),
        {"time": "2026-11-01T10:00:01Z", "type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {}}},
        {
            "time": "2026-11-01T10:00:02Z",
            "type": "GAP",
            "since": "2026-11-01T10:00:01Z",
            "kind": "Pod",
            "reason": "410",
        },
        {"time": "2026-11-01T10:00:03Z", "type": "ERROR", "object": {"kind": "Status", "code": 410}},
    ]
    found = load_inventory(write_timeline(tmp_path / "t.jsonl", lines))
    assert ([item.name for item in found.pods], found.gaps, dict(found.skipped)) == (["p"], 1, {})


@pytest.mark.parametrize(
    "damage",
    [{"time": "soon"}, {"time": None}, {"since": "soon"}, {"object": None}, {"object": {"metadata": {}}}, {"type": 3}],
)
def test_a_damaged_event_is_named_by_file_and_line(tmp_path, damage):
    line = event("ADDED", "2026-11-01T10:00:00Z", pod("p", "10.0.0.1"))
    with pytest.raises(UnreadableInput, match=r"t.jsonl, line 2: "):
        load_inventory(write_timeline(tmp_path / "t.jsonl", [line, line | damage]))


def test_objects_of_another_group_are_not_taken_for_ours(tmp_path):
    knative = {"kind": "Service", "apiVersion": "serving.knative.dev/v1", "metadata": {"name": "x", "uid": "k"}}
    found = load_inventory(_write(tmp_path / "x.json", _list(knative)))
    assert (found.services, dict(found.skipped)) == ((), {"Service.serving.knative.dev": 1})


def test_the_garbage_collector_works_again_after_a_load_that_failed(tmp_path):
    with pytest.raises(UnreadableInput):
        load_inventory(_write(tmp_path / "x.json", "{"))
    assert gc.isenabled()


@pytest.mark.parametrize(("version", "ended"), [("99", False), ("100", True), ("", True)])
def test_b7_whether_a_pod_was_made_after_the_list_is_told_by_versions_and_only_without_them_by_clocks(
    tmp_path, version, ended
):
    item = pod("p", "10.0.0.1")
    item["metadata"]["resourceVersion"] = "100"
    write_timeline(tmp_path / "t.jsonl", [event("ADDED", "2026-11-01T10:00:00Z", item)])
    folder = write_snapshot(tmp_path / "later", "2026-11-01T10:00:30Z")
    _write(folder / "pods.json", _list() | {"metadata": {"resourceVersion": version}})
    assert (load_inventory(tmp_path).pods[0].end is not None) == ended


def test_a_pod_of_a_timeline_keeps_all_that_its_newest_version_told_before_a_bare_deletion(tmp_path):
    labels, ports = {"app": "web"}, [{"containerPort": 80}]
    versions = [pod("p", "10.0.0.1", labels, ports=ports, owners=owner("Database", "db", "d")) for _ in range(2)]
    for number, item in enumerate(versions, 1):
        item["metadata"]["resourceVersion"] = str(number)
    bare = {"kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "uid": versions[0]["metadata"]["uid"]}}
    bare["metadata"]["resourceVersion"] = "3"
    lines = [
        event(what, f"2026-11-01T10:0{at}:00Z", item)
        for at, (what, item) in enumerate([("ADDED", versions[0]), ("MODIFIED", versions[1]), ("DELETED", bare)])
    ]
    (found,) = load_inventory(write_timeline(tmp_path / "t.jsonl", lines)).pods
    assert (found.labels, found.ports[0].number, found.workload.kind) == (labels, 80, "Database")
    assert f"{found.end:%H:%M:%S}" == "10:02:01"


def test_a_damaged_status_in_an_older_version_of_a_timeline_is_refused_too(tmp_path):
    older, newer = pod("p", "10.0.0.1"), pod("p", "10.0.0.1")
    older["metadata"]["resourceVersion"], newer["metadata"]["resourceVersion"] = "1", "2"
    older["status"]["containerStatuses"] = [3]
    lines = [event("ADDED", "2026-11-01T10:00:00Z", older), event("MODIFIED", "2026-11-01T10:01:00Z", newer)]
    with pytest.raises(UnreadableInput, match="'Pod/shop/p' has a field"):
        load_inventory(write_timeline(tmp_path / "t.jsonl", lines))
