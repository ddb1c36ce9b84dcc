"""Turns a stub API server into a running watch, and what that wrote into short words; for the tests of the watch."""

import contextlib
import threading

from collectors.kinds import PODS
from collectors.timeline_memory import load_timeline, read_records, timeline_files
from collectors.watching import watch
from collectors.watching_shared import Pace

FAST = Pace(first=0.02, most=0.1, missing=0.1, stream=20)
WATCH = f"{PODS.path}?watch"


@contextlib.contextmanager
def watching(server, folder, kinds=(PODS,), pace=FAST, **options):
    """A watch in a thread of its own; what it says; its fault is raised at the end."""
    said, faults, stop, api = [], [], threading.Event(), server.connect()

    def run():
        try:
            watch(api, folder, stop=stop, say=said.append, kinds=kinds, pace=pace, **options)
        except Exception as fault:  # noqa: BLE001 - raised again where the watch ends
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield said
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
    if faults:
        raise faults[0]


def written(folder, *types):
    found = [record for file in timeline_files(folder) for _, record in read_records(file)]
    return [record for record in found if not types or record["type"] in types]


def seen(folder):
    """(type, uid, resourceVersion) of each event on disk."""
    found = written(folder, "ADDED", "MODIFIED", "DELETED")
    metas = [(record["type"], record["object"]["metadata"]) for record in found]
    return [(what, meta["uid"], meta["resourceVersion"]) for what, meta in metas]


def position(folder, kind=PODS):
    memories = load_timeline(folder)
    return memories[kind.kind].position if kind.kind in memories else ""


def pod(uid, version, ip="10.0.0.1", name="", **status):
    meta = {"name": name or uid, "namespace": "shop", "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"podIP": ip, "phase": "Running", **status}}


def change(what, *arguments, **more):
    return {"type": what, "object": pod(*arguments, **more)}


def mark(version):
    return {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": str(version)}}}


def watches(server):
    return [request.query["resourceVersion"] for request in server.requests if request.watches]


def lists(server):
    return [request for request in server.requests if not request.watches]
