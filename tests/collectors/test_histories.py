import json
import random
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import load_inventory
from collectors.errors import UnreadableInput
from collectors.histories import Listing, Sighting, Version, histories
from collectors.objects import inventory_from
from tests.cluster import event, meta, pod, write_snapshot, write_timeline


def at(minute):
    return pd.Timestamp("2026-11-01T10:00:00Z") + pd.Timedelta(minutes=minute)


def item(version=0, uid="u", created="", **more):
    extra = {"resourceVersion": str(version)} if version else {}
    if created:
        extra["creationTimestamp"] = created
    return {"kind": "Pod", "metadata": meta("p", "shop", uid, **extra), "spec": more}


def only(*sightings, listings=()):
    (found,) = histories(sightings, listings)
    return found


def test_versions_are_in_the_order_of_their_resource_versions_however_they_were_seen():
    found = only(Sighting(item(10), at(1), "MODIFIED"), Sighting(item(9), at(3)), Sighting(item(100)))
    assert [version.item["metadata"]["resourceVersion"] for version in found.versions] == ["9", "10", "100"]


def test_one_version_seen_twice_is_one_and_the_event_tells_its_time():
    found = only(Sighting(item(1), at(5)), Sighting(item(1), at(1), "ADDED"), Sighting(item(1)))
    assert found.versions == (Version(item(1), at(1), at(1)),)


def test_without_resource_versions_time_orders_and_the_last_of_equals_is_the_newest():
    first, second, third = item(x=1), item(x=2), item(x=3)
    assert only(Sighting(third, at(2)), Sighting(second, at(1)), Sighting(first)).newest == third
    assert only(Sighting(first), Sighting(second)).newest == second


def test_what_a_list_shows_came_after_the_former_version_was_last_seen():
    found = only(Sighting(item(1), at(0), "ADDED"), Sighting(item(1), at(4)), Sighting(item(2), at(9)))
    assert found.versions[1] == Version(item(2), at(4), at(9))


def test_an_object_added_again_by_a_new_watch_may_have_changed_any_time_before():
    found = only(Sighting(item(1), at(0), "ADDED"), Sighting(item(2), at(9), "ADDED"))
    assert found.versions[1] == Version(item(2), at(0), at(9))


def test_a_deletion_that_tells_no_more_than_whose_it_was_is_no_version():
    tombstone = {"kind": "Pod", "metadata": item(3)["metadata"]}
    found = only(Sighting(item(1), at(0), "ADDED"), Sighting(tombstone, at(5), "DELETED"))
    assert (found.newest, found.deleted) == (item(1), at(5))


def test_b7_one_name_with_two_uids_is_two_objects_and_the_younger_one_ends_the_older():
    older, younger = item(5, "z", "2026-11-01T09:00:00Z"), item(9, "a", "2026-11-01T10:30:00Z")
    first, second = histories([Sighting(younger), Sighting(older)])
    assert (first.uid, first.deleted) == ("z", at(30))
    assert (second.uid, second.deleted) == ("a", None)


def test_the_first_later_list_that_lacks_an_object_ends_it():
    lists = [Listing("Pod", at(minute), frozenset(), 50) for minute in (30, 20, 10)]
    assert only(Sighting(item(1), at(15)), listings=lists).deleted == at(20)


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        (Listing("Pod", at(20), frozenset({"u"}), 50), "it holds the object"),
        (Listing("Node", at(20), frozenset(), 50), "it is of another kind"),
        (Listing("Pod", at(5), frozenset(), 50), "it is older than the last sighting"),
    ],
)
def test_a_list_ends_no_object_where(listing, why):
    assert only(Sighting(item(7), at(10)), listings=[listing]).deleted is None, why


def test_a_list_ends_no_object_that_was_changed_as_it_was_taken():
    after = at(10) + pd.Timedelta(seconds=5)
    assert only(Sighting(item(90), at(10)), listings=[Listing("Pod", after, frozenset(), 80)]).deleted is None
    assert only(Sighting(item(70), at(10)), listings=[Listing("Pod", after, frozenset(), 80)]).deleted == after


def test_an_object_of_an_undated_list_is_gone_where_a_list_since_its_creation_lacks_it():
    missed = Listing("Pod", at(30), frozenset())
    assert only(Sighting(item(created="2026-11-01T10:10:00Z")), listings=[missed]).deleted == at(30)
    assert only(Sighting(item(created="2026-11-01T10:40:00Z")), listings=[missed]).deleted is None


def test_a_time_of_creation_that_is_none_is_refused_by_the_name_of_its_object():
    with pytest.raises(UnreadableInput, match="'Pod/shop/p' has a field"):
        histories([Sighting(item(created="once"))])


LIFE = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", ""]), min_size=1, max_size=5)


def _timeline(lives, ends, seed):
    """Events of pods that change their address, in an order of the seed that keeps each pod's own."""
    left = {f"p{number}": [("MODIFIED", ip) for ip in life] for number, life in enumerate(lives)}
    for steps, ends_so in zip(left.values(), ends, strict=True):
        steps[0] = ("ADDED", steps[0][1])
        if ends_so != "lives":
            steps.append((ends_so, steps[-1][1]))
    chance, events = random.Random(seed), []
    while any(left.values()):
        name = chance.choice([name for name, steps in left.items() if steps])
        what, ip = left[name].pop(0)
        second = f"2026-11-01T10:{len(events) // 60:02}:{len(events) % 60:02}.5Z"
        item = pod(name, ip, phase="Running")
        if not ip:
            item["status"] = {"phase": "Pending"}
        if what == "Succeeded":
            item = pod(name, ip, phase="Succeeded", finished=second)
        item["metadata"]["resourceVersion"] = str(len(events) + 1)
        events.append(event("DELETED" if what == "DELETED" else what.replace("Succeeded", "MODIFIED"), second, item))
    return events


def _alive(events):
    known = {}
    for line in events:
        known[line["object"]["metadata"]["uid"]] = line["object"]
        if line["type"] == "DELETED":
            del known[line["object"]["metadata"]["uid"]]
    return list(known.values())


@given(
    lives=st.lists(LIFE, min_size=1, max_size=4),
    data=st.data(),
    seed=st.integers(0, 10_000),
    undated=st.booleans(),
)
def test_b7_a_timeline_cut_anywhere_or_with_a_list_put_anywhere_tells_the_same_tenures(lives, data, seed, undated):
    ends = data.draw(
        st.lists(st.sampled_from(["lives", "DELETED", "Succeeded"]), min_size=len(lives), max_size=len(lives))
    )
    events = _timeline(lives, ends, seed)
    cut = data.draw(st.integers(0, len(events)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = load_inventory(write_timeline(folder / "whole" / "a.jsonl", events)).pods
        write_timeline(folder / "cut" / "z.jsonl", events[:cut])
        write_timeline(folder / "cut" / "a.jsonl", events[cut:])
        write_timeline(folder / "listed" / "a.jsonl", events)
        if undated:
            document = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": _alive(events[:cut])}
            (folder / "listed" / "pods.json").write_text(json.dumps(document))
        else:
            time = f"2026-11-01T10:{cut // 60:02}:{cut % 60:02}Z"
            write_snapshot(folder / "listed" / "then", time, pods=_alive(events[:cut]))
        direct = [Sighting(line["object"], pd.Timestamp(line["time"]), line["type"]) for line in events]
        assert inventory_from(direct, []).pods == whole
        assert load_inventory(folder / "cut").pods == whole
        assert load_inventory(folder / "listed").pods == whole
