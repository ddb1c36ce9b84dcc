import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import load_inventory
from collectors.timeline import Timeline
from collectors.timeline_compact import Compacted, Interrupted, compact
from collectors.timeline_memory import file_of, load_timeline, timeline_files
from tests.cluster import owner
from tests.collectors.test_timeline import bookmark, event, gap, lines, run, write

LONG = timedelta(days=30)


def squeeze(folder, **options):
    files = timeline_files(folder)
    return compact(files[:-1], files[-1:], **{"keep": LONG, **options})


def pod(count, what, uid, ip="", *, ready=True, phase="Running", labels=None, owners=(), **more):
    """One event of a pod; `ready` is what flaps in real life."""
    found = event(count, what, uid)
    item = found["object"]
    item["metadata"] |= {"labels": labels or {}, "ownerReferences": list(owners)}
    item["metadata"]["creationTimestamp"] = "2026-11-01T10:00:00Z"
    condition = {"type": "Ready", "status": str(ready)}
    finished = {"finishedAt": f"2026-11-01T10:00:{30 + ready}Z"}
    state = {"running": {}} if phase == "Running" else {"terminated": finished}
    item["spec"] = {"nodeName": "n", "containers": []}
    item["status"] = {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}] if ip else [], "conditions": [condition]}
    item["status"]["containerStatuses"] = [{"name": "main", "state": state}]
    return {**found, **more}


class Lives:
    """A plain reference: who showed which address from when to when, and when each object was deleted."""

    def __init__(self, folder):
        self.shown, self.deleted, self.changes = {}, {}, {}
        for record in lines(folder):
            if record["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
                continue
            item, time = record["object"], record["time"]
            uid, status = item["metadata"]["uid"], item["status"]
            for ip in {entry["ip"] for entry in status["podIPs"]}:
                first, _ = self.shown.get((uid, ip), (time, time))
                self.shown[uid, ip] = (first, time)
            if record["type"] == "DELETED":
                self.deleted.setdefault(uid, []).append((time, record.get("since")))
            finished = status["containerStatuses"][0]["state"].get("terminated")
            seen = (status["phase"], status["podIPs"], item["metadata"]["labels"], finished)
            history = self.changes.setdefault(uid, [])
            if not history or history[-1][1] != seen:
                history.append((time, seen, record.get("since")))

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None


_EVENT = st.tuples(
    st.sampled_from(["ADDED", *["MODIFIED"] * 6, "DELETED"]),
    st.sampled_from("ab"),
    st.sampled_from(["", "10.0.0.1", "10.0.0.2", *["10.0.0.1"] * 4]),
    st.booleans(),
    st.sampled_from([*["Running"] * 5, "Succeeded"]),
    st.sampled_from([None, None, None, {"app": "x"}]),
    st.booleans(),
)
_OTHER = st.sampled_from(["BOOKMARK", "GAP", "INVENTED"])


def history(steps):
    made = []
    for count, step in enumerate(steps, 1):
        if step == "BOOKMARK":
            made.append(bookmark(count))
        elif step == "GAP":
            made.append(gap(count, max(1, count - 2)))
        elif step == "INVENTED":
            made.append({"time": "2026-11-01T10:00:00.000Z", "type": "INVENTED"})
        else:
            what, uid, ip, ready, phase, labels, late = step
            more = {"since": "2026-11-01T10:00:00.000Z"} if late else {}
            made.append(pod(count, what, uid, ip, ready=ready, phase=phase, labels=labels, **more))
    return made


@given(st.lists(_EVENT | _OTHER, max_size=40), st.sampled_from([1500, 4000, 1 << 20]))
def test_b7_a_compacted_timeline_tells_the_same_owners_intervals_and_end_as_the_raw_one(tmp_path_factory, steps, limit):
    raw, small = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("small")
    write(raw, history(steps), limit=limit)
    shutil.copytree(raw, small, dirs_exist_ok=True)
    compact(timeline_files(small), [], keep=LONG)
    assert load_timeline(small) == load_timeline(raw)
    assert Lives(small) == Lives(raw)
    assert [one for one in lines(small) if one["type"] == "GAP"] == [one for one in lines(raw) if one["type"] == "GAP"]
    once = {file.name: file.read_bytes() for file in timeline_files(small)}
    assert compact(timeline_files(small), [], keep=LONG) == Compacted()
    assert {file.name: file.read_bytes() for file in timeline_files(small)} == once


@given(st.lists(_EVENT | _OTHER, max_size=25))
def test_b7_the_inventory_of_a_compacted_timeline_is_that_of_the_raw_one(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("timeline")
    write(folder, [pod(1, "ADDED", "z", "10.0.0.9"), *history([*steps])], limit=3000)
    before = load_inventory(folder)
    compact(timeline_files(folder), [], keep=LONG)
    assert load_inventory(folder) == before


def test_only_the_first_and_the_last_of_what_changes_nothing_stay(tmp_path):
    flapping = [pod(count, "MODIFIED", "a", "10.0.0.1", ready=count % 2 == 0) for count in range(2, 100)]
    write(tmp_path, [pod(1, "ADDED", "a", "10.0.0.1"), *flapping, bookmark(100), bookmark(101)])
    assert compact(timeline_files(tmp_path), [], keep=LONG) == Compacted(1, 98, 0)
    mark, *kept = lines(tmp_path)
    assert mark["type"] == "COMPACTED"
    assert kept == [pod(1, "ADDED", "a", "10.0.0.1"), flapping[-1], bookmark(101)]


def test_b7_when_a_finished_pod_ended_is_no_passing_thing(tmp_path):
    records = [pod(count, "MODIFIED", "a", "10.0.0.1", phase="Failed", ready=count % 2 == 0) for count in range(5)]
    write(tmp_path, records)
    assert compact(timeline_files(tmp_path), [], keep=LONG) == Compacted(1, 0, 0)
    assert lines(tmp_path)[1:] == records


def test_an_empty_file_is_left_as_it_is(tmp_path):
    file_of(tmp_path, 1).write_bytes(b"")
    assert compact(timeline_files(tmp_path), [], keep=LONG) == Compacted()
    assert file_of(tmp_path, 1).read_bytes() == b""


def test_readiness_of_endpoints_is_dropped_and_their_addresses_are_not(tmp_path):
    def endpoints(count, ip, ready):
        entry = {"addresses": [ip], "conditions": {"ready": ready}}
        return event(count, "MODIFIED", "s", "EndpointSlice", endpoints=[entry])

    steps = [("1", True), ("1", False), ("1", True), ("2", True), ("2", False), ("3", True)]
    records = [endpoints(count, f"10.0.0.{ip}", ready) for count, (ip, ready) in enumerate(steps)]
    write(tmp_path, records)
    compact(timeline_files(tmp_path), [], keep=LONG)
    assert lines(tmp_path)[1:] == [records[0], *records[2:]]


def test_the_file_that_is_written_to_is_only_read(tmp_path):
    records = [pod(count, "MODIFIED", "a", "10.0.0.1", ready=count % 2 == 0) for count in range(30)]
    write(tmp_path, records, limit=6000)
    *closed, current = timeline_files(tmp_path)
    before = current.read_bytes()
    assert squeeze(tmp_path).files == len(closed) > 0
    assert current.read_bytes() == before


def test_what_was_deleted_before_the_time_to_keep_is_forgotten_and_counted(tmp_path):
    records = [
        pod(1, "ADDED", "old", "10.0.0.1"),
        pod(2, "DELETED", "old", "10.0.0.1"),
        pod(3, "ADDED", "young", "10.0.0.1"),
        pod(4, "ADDED", "lives", "10.0.0.2"),
        pod(200, "DELETED", "young", "10.0.0.1"),
        bookmark(201),
    ]
    write(tmp_path, records)
    keep = timedelta(minutes=2)
    assert compact(timeline_files(tmp_path), [], keep=keep) == Compacted(1, 2, 1)
    assert {one["object"]["metadata"].get("uid") for one in lines(tmp_path)[1:]} == {"young", "lives", None}
    assert compact(timeline_files(tmp_path), [], keep=timedelta(0)) == Compacted(1, 2, 1)
    assert {one["object"]["metadata"].get("uid") for one in lines(tmp_path)[1:]} == {"lives", None}


def test_b9_an_owner_is_not_forgotten_before_what_it_owned(tmp_path):
    job, cron = owner("Job", "job", "job"), owner("CronJob", "cron", "cron")
    records = [
        event(1, "ADDED", "cron", "CronJob"),
        pod(2, "ADDED", "p", "10.0.0.1", owners=job),
        event(3, "ADDED", "job", "Job"),
        event(4, "DELETED", "cron", "CronJob"),
        event(6, "DELETED", "lone", "Job"),
        pod(90, "DELETED", "p", "10.0.0.1", owners=job),
    ]
    records[2]["object"]["metadata"]["ownerReferences"] = cron
    deleted = event(5, "DELETED", "job", "Job")
    deleted["object"]["metadata"]["ownerReferences"] = cron
    records.insert(4, deleted)
    write(tmp_path, records)
    keep = timedelta(seconds=30)
    assert compact(timeline_files(tmp_path), [], keep=keep).forgotten == 1
    assert {one["object"]["metadata"]["uid"] for one in lines(tmp_path)[1:]} == {"cron", "p", "job"}
    assert [str(one.workload) for one in load_inventory(tmp_path).pods] == ["shop/CronJob/cron"]


def test_what_came_back_after_its_deletion_is_not_forgotten(tmp_path):
    closed, current = tmp_path / "timeline-000001.jsonl", tmp_path / "timeline-000002.jsonl"
    write(tmp_path, [pod(1, "ADDED", "a", "10.0.0.1"), pod(2, "DELETED", "a", "10.0.0.1")])
    current.write_text(json.dumps(pod(3, "ADDED", "a", "10.0.0.1")) + "\n")
    assert compact([closed], [current], keep=timedelta(0)).forgotten == 0
    assert len(lines(tmp_path)) == 4


def test_a_compaction_that_is_stopped_leaves_the_file_as_it_was(tmp_path):
    write(tmp_path, [pod(count, "MODIFIED", "a", "10.0.0.1") for count in range(9)])
    before = file_of(tmp_path, 1).read_bytes()
    answers = iter([False] * 20 + [True] * 9)
    with pytest.raises(Interrupted):
        compact(timeline_files(tmp_path), [], keep=LONG, halted=lambda: next(answers))
    assert file_of(tmp_path, 1).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".tmp"] == []


_KILL_AT_EACH_STEP = """
import os, pathlib, shutil, sys
from datetime import timedelta
from collectors.timeline_compact import compact
from collectors.timeline_memory import timeline_files
raw, steps = pathlib.Path(sys.argv[1]), 0
while True:
    steps += 1
    folder = raw.parent / f"killed-{steps}"
    shutil.copytree(raw, folder)
    child = os.fork()
    if not child:
        left = steps
        def step(frame, what, argument):
            global left
            if what in ("c_call", "c_return") and argument.__name__ in (
                "open", "write", "writelines", "flush", "fsync", "replace", "close", "unlink", "__exit__"
            ):
                left -= 1
                if not left:
                    os.kill(os.getpid(), 9)
        sys.setprofile(step)
        compact(timeline_files(folder), [], keep=timedelta(days=30))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
print(steps)
"""


def test_killed_at_each_step_a_compaction_leaves_the_former_or_the_new_file_and_never_both(tmp_path):
    raw = tmp_path / "raw"
    records = [pod(count, "MODIFIED", "ab"[count % 2], "10.0.0.1", ready=count % 3 == 0) for count in range(20)]
    write(raw, [*records, bookmark(21)], limit=6000)
    assert len(timeline_files(raw)) == 2
    found = run(_KILL_AT_EACH_STEP, raw)
    steps = int(found.stdout)
    assert steps > 12, found.stderr
    whole = {file.name: {file.read_bytes()} for file in timeline_files(raw)}
    for file in timeline_files(tmp_path / f"killed-{steps}"):
        assert file.read_bytes() not in whole[file.name]
        whole[file.name].add(file.read_bytes())
    met, lives = set(), Lives(raw)
    for count in range(1, steps):
        folder = tmp_path / f"killed-{count}"
        met |= {file.read_bytes() for file in timeline_files(folder)}
        Timeline(folder).close()
        assert {file.name for file in folder.iterdir()} == {*whole, "watch.lock"}
        assert all(file.read_bytes() in whole[file.name] for file in timeline_files(folder))
        assert load_timeline(folder) == load_timeline(raw)
        assert Lives(folder) == lives
    assert met == set.union(*whole.values())


def test_a_recorded_rollout_is_the_same_inventory_after_compaction(tmp_path):
    recorded = Path(__file__).parents[1] / "recorded" / "watch_endpointslices.jsonl"
    events = [json.loads(line) for line in recorded.read_text().splitlines()]
    records = [{"time": f"2026-11-22T23:01:{at:02}.000Z", **one} for at, one in enumerate(events)]
    write(tmp_path, [*records, *records])
    before = load_inventory(tmp_path)
    assert before.slices
    compact(timeline_files(tmp_path), [], keep=LONG)
    assert load_inventory(tmp_path) == before
