"""Builds communications, windows and inventories for the tests of coverage."""

import pandas as pd

from collectors.inventory import Inventory, Pod, Workload, WorkloadRef
from collectors.observation import ObservationWindow, Source
from recommender.communications import AddressPeer, Communication, Evidence, meaning
from recommender.coverage import coverage

START = pd.Timestamp("2026-11-01T00:00:00Z")


def ref(name, kind="Deployment"):
    return WorkloadRef("shop", kind, name)


def at(hours):
    return START + pd.Timedelta(hours=hours)


def edge(src, dst, port=80, *, first=0.0, notes=(), **evidence):
    ends = [ref(end) if isinstance(end, str) else end for end in (src, dst)]
    given = {"connections": 1, "orientations": ("handshake",), "sources": ("a.pcap",), **evidence}
    return Communication(*ends, "TCP", port, Evidence(at(first), at(first), **given), notes)


def outside(number):
    return AddressPeer(f"203.0.113.{number}", "external")


def source(start, end, name="a.pcap", **more):
    return Source(name, "pcap", **{"packets": 1_000_000, "start": at(start), "end": at(end), **more})


def window(*hours, **more):
    """A window of one source for each pair of hours."""
    return ObservationWindow.of([source(*pair, **more) for pair in hours or [(0, 48)]])


def cron(name, schedule):
    return Workload(ref(name, "CronJob"), None, {"job": name}, schedule)


def inventory(*names, jobs=(), since=None, **more):
    pods = tuple(
        Pod(f"uid-{name}", "shop", name, ref(name), {"app": name}, start=since and at(since[name])) for name in names
    )
    workloads = {ref(name): Workload(ref(name), None, {"app": name}) for name in names}
    return Inventory(pods, {**workloads, **{job.ref: job for job in jobs}}, **more)


def covered(edges, known, time=None, times=1, options=None):
    """Coverage with the same number of sightings for every edge."""
    return coverage(edges, known, time or window(), {meaning(one): times for one in edges}, options)


def of(found, name, kind="Deployment"):
    return next(entry for entry in found.workloads if entry.workload == ref(name, kind))
