import json
import threading
import time

import pytest

from collectors.cluster import Forbidden
from collectors.kinds import KINDS, PODS, WATCHED
from collectors.minimal import minimise
from collectors.timeline import Unwritable
from collectors.timeline_memory import content, file_of, identity, load_timeline
from collectors.watching import watch
from tests.collectors.apiserver import HOLD, RECORDED, Stream, document, recorded, refused, serve, shared, until
from tests.collectors.watched import WATCH, change, pod, position, watching, written

NODES = next(kind for kind in KINDS if kind.kind == "Node")
CIDRS = next(kind for kind in KINDS if kind.kind == "ServiceCIDR")


def _replay(answers, kinds, folder):
    """Watch what was recorded, to the end of each stream."""
    with serve(answers) as server, watching(server, folder, kinds):
        for kind in kinds:
            last = answers[f"{kind.path}?watch"][0].steps[-1]["object"]["metadata"]["resourceVersion"]
            until(lambda kind=kind, last=last: position(folder, kind) == last)


def test_fact_20_list_and_watch_of_the_real_server_end_where_its_final_list_is(tmp_path):
    folder = shared()
    finals = {file.stem.removeprefix("final_list_") for file in folder.glob("final_list_*.json")}
    kinds = [kind for kind in WATCHED if kind.resource in finals]
    assert len(kinds) == 7
    _replay(recorded(folder), kinds, tmp_path)
    for kind in kinds:
        final = json.loads((folder / f"final_list_{kind.resource}.json").read_text())["items"]
        items = [{"kind": kind.kind, "apiVersion": kind.api_version, **item} for item in final]
        found = {uid: known.content for uid, known in load_timeline(tmp_path)[kind.kind].known.items()}
        assert found == {identity(item): content(minimise(item)) for item in items}


def test_all_kinds_are_watched_at_once_and_end_at_once(tmp_path):
    with serve(recorded()) as server:
        with watching(server, tmp_path, WATCHED):
            until(lambda: len(server.asked()) == 2 * len(WATCHED) - 1)
            until(lambda: len(load_timeline(tmp_path)) == len(WATCHED) - 1)
            began = time.monotonic()
        assert time.monotonic() - began < 2
    assert list(json.loads((tmp_path / "watch.json").read_text())["missing"]) == ["ServiceCIDR"]
    listed = json.loads((RECORDED / "list_pods.json").read_text())["items"]
    assert load_timeline(tmp_path)["Pod"].known.keys() == {item["metadata"]["uid"] for item in listed}
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("watch ")} == set()


def test_a_kind_that_may_not_be_read_is_missing_said_once_and_tried_again(tmp_path):
    answers = {
        PODS.path: document(PODS, []),
        NODES.path: [*[refused(403, "nodes is forbidden")] * 4, document(NODES, [])],
        f"{NODES.path}?watch": Stream([HOLD]),
    }

    def missing():
        if not (tmp_path / "watch.json").exists():
            return {"missing": {}}
        return json.loads((tmp_path / "watch.json").read_text())

    with serve(answers) as server, watching(server, tmp_path, (PODS, NODES, CIDRS)) as said:
        until(lambda: list(missing()["missing"]) == ["Node", "ServiceCIDR"])
        assert {key: missing()[key] for key in ("kind", "version")} == {"kind": "podfence/watch", "version": 1}
        assert "nodes" in missing()["missing"]["Node"]
        until(lambda: list(missing()["missing"]) == ["ServiceCIDR"])
        until(lambda: any("nodes: watched again" in one for one in said))
    assert sum("Without Node: node addresses look like unknown ones" in one for one in said) == 1


def test_without_pods_the_watch_ends_with_the_reason(tmp_path):
    with (
        serve({PODS.path: refused(403, "pods is forbidden")}) as server,
        pytest.raises(Forbidden, match="pods"),
        watching(server, tmp_path) as said,
    ):
        until(lambda: server.requests and not [one for one in threading.enumerate() if one.name == "watch Pod"])
    assert said == []


def test_two_watches_of_one_folder_are_refused(tmp_path):
    answers = {PODS.path: document(PODS, []), WATCH: Stream([HOLD])}
    with serve(answers) as server, watching(server, tmp_path):
        until(lambda: position(tmp_path))
        with pytest.raises(Unwritable, match="another watcher"):
            watch(server.connect(), tmp_path, stop=threading.Event())


def test_files_that_are_closed_are_made_smaller_while_the_watch_goes_on(tmp_path):
    steps = [
        change("MODIFIED", "a", at, conditions=[{"type": "Ready", "status": str(at % 2)}]) for at in range(11, 200)
    ]
    answers = {PODS.path: document(PODS, [pod("a", 5)], "10"), WATCH: [Stream([*steps, HOLD])]}
    with serve(answers) as server, watching(server, tmp_path, limit=8000) as said:
        until(lambda: any("made smaller" in one for one in said))
        until(lambda: position(tmp_path) == "199")
    assert written(tmp_path, "COMPACTED")
    assert file_of(tmp_path, 1).stat().st_size < 2000
    assert len(written(tmp_path)) < 150


def test_the_bundled_recordings_are_watched_as_they_happen(tmp_path):
    answers = recorded()
    streamed = [kind for kind in WATCHED if f"{kind.path}?watch" in answers]
    assert streamed
    _replay(answers, streamed, tmp_path)
    assert load_timeline(tmp_path).keys() == {kind.kind for kind in streamed}
    assert not any("since" in record for record in written(tmp_path))
