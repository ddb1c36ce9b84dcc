"""B15: an address outside keeps the names that were said of it, as evidence; no name decides who it is."""

import pandas as pd

from collectors.names import conform_names, empty_names
from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.names import MOST_NAMES, with_names
from recommender.resolve import resolve
from recommender.suggest import suggest
from tests.cluster import deployment, flow, flows, inventory

CLUSTER = inventory(deployment("web", ["10.0.0.1"]))
OUTSIDE = "203.0.113.9"
AT = pd.Timestamp("2026-11-01T11:00:00Z")


def names(*rows):
    listed = [{"address": OUTSIDE, "kind": "dns", "source": "x", "first_seen": AT, **row} for row in rows]
    return conform_names(pd.DataFrame([{"last_seen": row["first_seen"], **row} for row in listed]))


def seen(*rows, dst=OUTSIDE):
    return with_names(summarize(resolve(flows(flow("10.0.0.1", dst, 443)), CLUSTER)), names(*rows))


def test_b15_an_outside_address_keeps_what_it_was_called_most_often_first():
    (found,) = seen({"name": "b.example", "count": 1}, {"name": "a.example", "count": 7, "kind": "sni"})
    assert found.evidence.names == ("a.example", "b.example")
    assert found.dst.kind == "external"


def test_b15_the_name_stands_in_the_reason_and_not_in_the_meaning():
    plain, named = seen(), seen({"name": "api.example", "count": 3})
    ids = []
    for communications in (plain, named):
        (item,) = suggest(communications, CLUSTER, ObservationWindow()).items
        ids.append(item.id)
    assert "the address was called api.example" in item.reason
    assert ids[0] == ids[1]


def test_b15_a_name_said_after_the_last_packet_is_no_evidence():
    later = AT + pd.Timedelta(hours=1)
    assert seen({"name": "late.example", "count": 1, "first_seen": later})[0].evidence.names == ()
    (found,) = seen({"name": "file.example", "count": pd.NA, "kind": "nrb", "first_seen": pd.NaT})
    assert found.evidence.names == ("file.example",)


def test_b15_names_of_one_address_are_bounded():
    rows = [{"name": f"h{number:03}.example", "count": 1} for number in range(40)]
    assert seen(*rows)[0].evidence.names == tuple(f"h{number:03}.example" for number in range(MOST_NAMES))


def test_b15_no_name_makes_a_private_address_anything_else():
    (found,) = seen({"name": "web.shop.svc.cluster.local", "count": 9, "address": "10.9.9.9"}, dst="10.9.9.9")
    assert (found.dst.kind, found.evidence.names) == ("unresolved", ("web.shop.svc.cluster.local",))


def test_without_names_nothing_changes():
    communications = summarize(resolve(flows(flow("10.0.0.1", OUTSIDE, 443)), CLUSTER))
    assert with_names(communications, empty_names()) == communications
