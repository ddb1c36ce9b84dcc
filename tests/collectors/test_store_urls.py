"""A store at a URL gives back what was put in, a day beside another, and is whole whenever a save is cut short."""

import json
from dataclasses import replace
from unittest.mock import patch

import fsspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import NewerArtefact, PodfenceError, UnreadableInput
from collectors.names import conform_names
from collectors.observation import merge
from collectors.pushing import push
from collectors.remote import Remote
from collectors.sources import read_flows
from collectors.store import load, save
from tests.collectors import buckets
from tests.collectors.capture.frames import A, C, pcap, session, timed, udp
from tests.collectors.learned import assert_same, interval
from tests.collectors.test_stored import learned

DAY = 86_400
FIRST, SECOND = "2025-06-15", "2025-06-16"


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """What two captures show: one of a day, and one of that and the next."""
    folder = tmp_path_factory.mktemp("captures")
    contents = {
        "one.pcap": pcap(timed(session()), link=101) + b"cut",
        "two.pcap": pcap([*timed(session(), start=60), *timed([udp(A, 1, C, 53)], start=DAY)], link=101),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [read_flows([folder / name]) for name in contents]


def content(url):
    place = Remote.of(url)
    return {name: (place / name).read_bytes() for name in place.files()}


def days(files):
    return sorted({name.rpartition("/")[0] for name in files if name.endswith(".parquet")})


def test_what_was_saved_is_loaded_and_a_local_store_of_it_says_the_same(url, observed, tmp_path):
    for observation in observed:
        assert save(observation, url) == ()
        save(observation, tmp_path / "obs")
    assert_same(load(url), merge(observed))
    assert_same(load(url), load(tmp_path / "obs"))
    assert days(content(url)) == [FIRST, SECOND]
    assert save(observed[1], url) == observed[1].window.sources


def test_the_order_of_saving_changes_no_byte(memory, observed):
    orders = {"a": observed, "b": observed[::-1], "c": [merge(observed)], "d": [*observed, *observed]}
    for name, order in orders.items():
        for observation in order:
            save(observation, f"{memory}/{name}")
    assert content(f"{memory}/a") == content(f"{memory}/b") == content(f"{memory}/c") == content(f"{memory}/d")


def test_a_day_is_added_without_a_touch_of_another(memory, tmp_path, observed):
    save(observed[0], memory)
    (tmp_path / "next.pcap").write_bytes(pcap(timed(session(), start=2 * DAY), link=101))
    remote = fsspec.filesystem("memory")
    written, send = [], remote.pipe_file
    with patch.object(type(remote), "pipe_file", lambda _, path, value: (written.append(path), send(path, value))):
        save(read_flows([tmp_path / "next.pcap"]), memory)
    ends = [path.removeprefix(memory.removeprefix("memory:/")) for path in written]
    assert [end.rpartition("/")[0] for end in ends] == ["/2025-06-17", "", ""]
    assert ends[1:] == ["/.ledger.json.tmp", "/.window.json.tmp"]


def test_names_are_by_day_too_and_those_without_a_time_are_of_none(memory, observed):
    times = pd.to_datetime([f"{FIRST}T01:00Z", f"{SECOND}T01:00Z", None]).as_unit("ns")
    rows = {"name": ["a.example", "b.example", "c.example"], "kind": "dns", "count": 2, "address": "203.0.113.1"}
    frame = pd.DataFrame({**rows, "first_seen": times, "last_seen": times, "source": "one.pcap"})
    named = replace(observed[0], names=conform_names(frame))
    save(named, memory)
    assert days(content(memory)) == [FIRST, "names", f"names/{FIRST}", f"names/{SECOND}"]
    assert load(memory).names.sort_values("name")["name"].tolist() == rows["name"]


def test_a_store_that_was_copied_from_a_url_is_read_and_gone_on_with(memory, observed, tmp_path):
    save(observed[1], memory)
    for name, part in content(memory).items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(part)
    assert_same(load(tmp_path / "copy"), observed[1])
    assert_same(read_flows([tmp_path / "copy"]), observed[1])
    save(observed[0], tmp_path / "copy")
    assert_same(load(tmp_path / "copy"), merge(observed))


def test_a_source_that_has_grown_takes_the_place_of_its_shorter_reading(memory, tmp_path):
    for count in (6, 8):
        (tmp_path / "one.pcap").write_bytes(pcap(timed(session())[:count], link=101))
        save(read_flows([tmp_path / "one.pcap"]), memory)
    found = load(memory)
    assert found.ledger.event_counts() == {"grown": 1}
    assert found.flows.equals(read_flows([tmp_path / "one.pcap"]).flows)
    assert len(content(memory)) == 3


@given(cut=st.integers(0, 6))
def test_a_save_that_was_cut_short_leaves_the_store_as_it_was_and_is_done_again(cut, tmp_path_factory, observed):
    url = f"memory://{tmp_path_factory.mktemp('cut').name}/obs"
    save(observed[0], url)
    remote, left = fsspec.filesystem("memory"), [cut]

    def counted(kind):
        whole = getattr(remote, kind)

        def call(_, *given):
            left[0] -= 1
            if left[0] < 0:
                raise ConnectionResetError("the wire was cut")
            return whole(*given)

        return call

    # two days' tables, and ledger and window, each sent and renamed
    with patch.multiple(type(remote), **{kind: counted(kind) for kind in ("pipe_file", "mv")}):
        if cut < 6:
            with pytest.raises(PodfenceError, match="cannot be reached"):
                save(observed[1], url)
        else:
            save(observed[1], url)
    assert_same(load(url), observed[0] if cut < 6 else merge(observed))
    save(observed[1], url)
    assert_same(load(url), merge(observed))


def test_a_place_with_something_else_and_one_with_nothing_are_refused_in_a_sentence(url):
    with pytest.raises(UnreadableInput, match=r"node-1 is no observation store \(it has no window.json\)"):
        load(url)
    (Remote.of(url) / "somebody's").write_bytes(b"x")
    with pytest.raises(UnreadableInput, match="node-1 is no observation store but is not empty"):
        save(interval(1), url)


@pytest.mark.parametrize("damage", ["window.json", "ledger.json", ".parquet"])
@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"\xff"])
def test_a_damaged_store_is_refused_in_a_sentence(memory, observed, damage, text):
    save(observed[0], memory)
    name = next(name for name in Remote.of(memory).files() if name.endswith(damage))
    (Remote.of(memory) / name).write_bytes(text)
    with pytest.raises(UnreadableInput, match=f"{memory}.*{damage}"):
        load(memory)


@pytest.mark.parametrize("part", ["../../secret.parquet", "/etc/passwd", "names/../x.parquet", ".x.parquet", 7, None])
def test_a_list_of_tables_that_leads_elsewhere_is_refused(memory, observed, part):
    save(observed[0], memory)
    window = Remote.of(memory) / "window.json"
    window.write_bytes(json.dumps(json.loads(window.read_bytes()) | {"parts": [part]}).encode())
    for asked in (load, lambda url: save(observed[1], url)):
        with pytest.raises(UnreadableInput, match=r"window.json or ledger.json is damaged .*: observe anew"):
            asked(memory)


def test_a_newer_store_is_refused(memory, observed):
    save(observed[0], memory)
    window = Remote.of(memory) / "window.json"
    window.write_bytes(json.dumps(json.loads(window.read_bytes()) | {"version": 2}).encode())
    with pytest.raises(NewerArtefact, match=r"memory://.*version 2.*version 1"):
        load(memory)


def test_the_mirror_of_a_learning_store_is_loaded_as_the_store_is(url, tmp_path):
    push(learned(tmp_path / "store", 1, 2), url)
    assert_same(load(url), load(tmp_path / "store"))
    with pytest.raises(UnreadableInput, match="node-1 is a learning store, which only learn writes"):
        save(interval(1), url)


def test_the_mirrors_of_all_nodes_are_read_as_their_stores_are(url, tmp_path):
    for number, node in enumerate(("node-a", "node-b"), 1):
        push(learned(tmp_path / "stores" / node, number, number + 1), f"{url}/{node}")
    expected = read_flows([tmp_path / "stores"])
    assert_same(read_flows([url]), expected)
    assert_same(read_flows([f"{url}/*", f"{url}/node-a"]), expected)
    save(expected, f"{url}/all")
    assert_same(read_flows([url]), expected)


def test_a_store_in_a_bucket_that_is_not_there_or_not_ours_is_one_sentence(bucket, monkeypatch, observed):
    buckets.asking(monkeypatch, bucket, key="stranger")
    with pytest.raises(PodfenceError, match=r"^s3://no-such-bucket/obs\S* cannot be used .*: check that .*\.$"):
        save(observed[0], "s3://no-such-bucket/obs")
    buckets.enforced(bucket, from_request=0)
    try:
        for asked in (load, lambda url: save(observed[0], url)):
            with pytest.raises(PodfenceError, match=r"^s3://bucket/obs\S* refuses these credentials .*\.$"):
                asked("s3://bucket/obs")
    finally:
        buckets.enforced(bucket, from_request="inf")
