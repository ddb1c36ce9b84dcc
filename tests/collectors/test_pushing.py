"""Segments of a learning store at a URL: whole ones only, sent once, of one store, and back again unchanged."""

import json
import shutil
import socket
import sys
import uuid
from pathlib import Path
from unittest.mock import patch

import fsspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from collectors.observation import Observation, ObservationWindow, Source
from collectors.pushing import Pushed, pull, push
from collectors.segments import Segments
from collectors.store import load
from tests.collectors.buckets import asking, enforced


def _name(first, last=None):
    return f"{first:010}-{last or first:010}"


def _time(minute):
    return f"2026-11-23T{minute // 60:02}:{minute % 60:02}:00.000000000+00:00"


def _segment(store, first, last=None, offset=0, size=40):
    """One segment as learn writes it, as far as a mirror looks: interval n is minute n."""
    folder = store / "segments" / _name(first, last)
    (folder / "names").mkdir(parents=True)
    window = {"start": _time(offset + first), "end": _time(offset + (last or first) + 1)}
    (folder / "window.json").write_text(json.dumps(window))
    (folder / "ledger.json").write_text("{}")
    (folder / "names" / "eth0-0123.parquet").write_bytes(bytes([first % 256]) * size)
    return folder


def _merge(store, first, last):
    """What the background merge does: the whole range, then its parts go."""
    parts = [path for path in (store / "segments").iterdir() if path.name != _name(first, last)]
    folder = _segment(store, first, last)
    for path in parts:
        if _name(first) <= path.name <= _name(last, 9999999999):
            shutil.rmtree(path)
    return folder


def _content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _there(url):
    """Every file at a URL, told by fsspec itself."""
    remote, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root).lstrip("/"): remote.cat_file(path) for path in remote.find(root)}


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def test_a_store_comes_back_from_its_mirror_unchanged(store, url, tmp_path):
    _segment(store, 1)
    _segment(store, 2)
    pushed = push(store, url)
    assert pull(url, tmp_path / "back") == (tmp_path / "back",)
    assert _content(tmp_path / "back") == _content(store)
    size = sum(map(len, _content(store).values()))
    assert pushed == Pushed(6, size, (_name(1), _name(2)), ())


def test_nothing_is_sent_twice(store, url):
    _segment(store, 1)
    push(store, url)
    assert push(store, url) == Pushed(0, 0, (), ())
    _segment(store, 2)
    assert push(store, url).segments == (_name(2),)


def test_a_merged_segment_takes_the_place_of_its_parts(store, url, tmp_path):
    for number in (1, 2, 3):
        _segment(store, number)
    push(store, url)
    _merge(store, 1, 2)
    assert push(store, url) == Pushed(3, sum(map(len, _content(store / "segments" / _name(1, 2)).values())),
                                      (_name(1, 2),), (_name(1), _name(2)))  # fmt: skip
    assert pull(url, tmp_path / "back") == (tmp_path / "back",)
    assert _content(tmp_path / "back") == _content(store)


def test_a_pull_on_top_of_an_older_one_leaves_what_a_clean_one_gives(store, url, tmp_path):
    _segment(store, 1)
    _segment(store, 2)
    push(store, url)
    pull(url, tmp_path / "back")
    _merge(store, 1, 2)
    push(store, url)
    pull(url, tmp_path / "back")
    assert _content(tmp_path / "back") == _content(store)


def test_one_pull_brings_the_stores_of_all_nodes(tmp_path, url):
    for number, node in enumerate(("node-a", "node-b"), 1):
        _segment(tmp_path / node, number)
        push(tmp_path / node, f"{url}/{node}")
    assert pull(url, tmp_path / "all") == (tmp_path / "all" / "node-a", tmp_path / "all" / "node-b")
    for node in ("node-a", "node-b"):
        assert _content(tmp_path / "all" / node) == _content(tmp_path / node)


def test_the_window_is_written_last_and_removed_first(store, memory):
    _segment(store, 1)
    remote = fsspec.filesystem("memory")
    order = []
    send, move, remove, drop = remote.put_file, remote.mv, remote.rm_file, remote.rm
    with (
        patch.object(type(remote), "put_file", lambda _, a, b: (order.append(("put", Path(b).name)), send(a, b))),
        patch.object(type(remote), "mv", lambda _, a, b: (order.append(("mv", Path(b).name)), move(a, b))),
    ):
        push(store, memory)
    assert [name for _, name in order] == ["ledger.json", "eth0-0123.parquet", "window.json.part", "window.json"]
    _segment(store, 2)
    push(store, memory)
    _merge(store, 1, 2)
    order.clear()
    with (
        patch.object(type(remote), "rm_file", lambda _, a: (order.append(Path(a).name), remove(a))),
        patch.object(type(remote), "rm", lambda _, a, **k: (order.append(Path(a).name), drop(a, **k))),
    ):
        push(store, memory)
    assert order[order.index("window.json") + 1] == _name(1)


@given(cut=st.integers(0, 12))
def test_a_push_that_was_cut_short_shows_whole_segments_only_and_is_gone_on_with(cut, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("cut")
    store, url = tmp_path / "store", f"memory://{uuid.uuid4().hex}/node-1"
    for number in (1, 2, 3):
        _segment(store, number)
    remote = fsspec.filesystem("memory")
    left, sent = [cut], []
    kinds = ("put_file", "mv")
    whole = {kind: getattr(remote, kind) for kind in kinds}

    def counted(kind):
        def call(_, source, target):
            if left[0] == 0:
                raise ConnectionResetError("the wire was cut")
            left[0] -= 1
            sent.append(target)
            return whole[kind](source, target)

        return call

    with patch.multiple(type(remote), **{kind: counted(kind) for kind in kinds}):
        if cut < 12:
            with pytest.raises(PodfenceError, match="cannot be reached"):
                push(store, url)
        else:
            push(store, url)
    finished = cut // 4
    if finished:
        pull(url, tmp_path / "then")
        assert len(list((tmp_path / "then" / "segments").iterdir())) == finished
    else:
        with pytest.raises(UnreadableInput, match="no whole segment"):
            pull(url, tmp_path / "then")
    rest = push(store, url)
    # A window whose rename was cut off is sent again; every other file only once.
    assert rest.files == 9 - (cut // 4 * 3 + min(cut % 4, 2))
    pull(url, tmp_path / "now")
    assert _content(tmp_path / "now") == _content(store)
    assert set(_there(url)) == set(_content(store))


@given(cuts=st.lists(st.integers(2, 9), unique=True, max_size=5))
def test_however_segments_were_merged_between_pushes_the_mirror_is_the_store(cuts, tmp_path_factory):
    store = tmp_path_factory.mktemp("merged")
    url = f"memory://{uuid.uuid4().hex}/node-1"
    for number in range(1, 11):
        _segment(store, number)
        if number in cuts:
            push(store, url)
            _merge(store, 1, number)
    push(store, url)
    assert _there(url) == _content(store)


@pytest.mark.parametrize("after", range(7))
def test_what_is_merged_while_it_is_sent_leaves_no_hole_and_no_half_segment(after, store, memory, tmp_path):
    for number in (1, 2, 3):
        _segment(store, number)
    remote = fsspec.filesystem("memory")
    send, calls = remote.put_file, []

    def merged_meanwhile(_, source, target):
        calls.append(target)
        if len(calls) == after + 1:
            _merge(store, 1, 2)
        return send(source, target)

    with patch.object(type(remote), "put_file", merged_meanwhile):
        sent = push(store, memory).segments
    assert sent == ((), (_name(1),), (_name(1), _name(2), _name(3)))[after // 3]
    if sent:
        pull(memory, tmp_path / "then")
        assert sorted(path.name for path in (tmp_path / "then" / "segments").iterdir()) == list(sent)
    push(store, memory)
    assert _there(memory) == _content(store)


def test_what_changed_while_it_was_pulled_is_pulled_again(store, memory, tmp_path):
    _segment(store, 1)
    push(store, memory)
    remote, root = fsspec.core.url_to_fs(memory)
    fetch = remote.get_file

    def gone(_, source, target):
        remote.rm(f"{root}/segments/{_name(1)}", recursive=True)
        return fetch(source, target)

    with (
        patch.object(type(remote), "get_file", gone),
        pytest.raises(PodfenceError, match="changed while it was read: pull again"),
    ):
        pull(memory, tmp_path / "back")
    assert not (tmp_path / "back" / "segments" / _name(1)).exists()


def test_what_learn_wrote_is_loaded_from_a_mirror_as_from_the_store(store, url, tmp_path):
    start = pd.Timestamp("2026-11-23T12:00Z").as_unit("ns")
    with Segments(store) as segments:
        for number in range(20):
            begin = start + pd.Timedelta(minutes=number)
            source = Source("eth0", "live", packets=number, start=begin, end=begin + pd.Timedelta(minutes=1))
            segments.add(Observation(window=ObservationWindow.of([source])), {"packets": bytes([number])})
            if number % 9 == 8:  # before and after sixteen of them become one
                push(store, url)
                segments.merge()
        push(store, url)
    pull(url, tmp_path / "back")
    assert load(tmp_path / "back").window == load(store).window
    assert load(store).window.sources[0].packets == sum(range(20))


def test_a_hidden_unfinished_segment_is_not_sent(store, memory):
    _segment(store, 1)
    shutil.copytree(store / "segments" / _name(1), store / "segments" / f".tmp-{_name(2)}")
    push(store, memory)
    assert {path.split("/")[1] for path in _there(memory)} == {_name(1)}


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 5), (2, 3)], ids=["the same", "wider", "narrower"])
def test_the_place_of_another_store_is_refused_and_left_as_it_is(first, last, tmp_path, memory):
    _segment(tmp_path / "old", 1, 4) if (first, last) == (2, 3) else _segment(tmp_path / "old", 1)
    push(tmp_path / "old", memory)
    before = _there(memory)
    _segment(tmp_path / "new", first, last, offset=600)
    with pytest.raises(PodfenceError, match=r"memory://.* holds the segments of another store .*: name a place"):
        push(tmp_path / "new", memory)
    assert _there(memory) == before


@pytest.mark.parametrize("name", ["../../../evil", "names/../../../../evil", "a\nb", ".hidden", "C:\\evil"])
def test_a_name_in_a_bucket_that_leads_elsewhere_is_refused(name, tmp_path, memory, store):
    _segment(store, 1)
    push(store, memory)
    remote, root = fsspec.core.url_to_fs(memory)
    remote.store[f"{root}/segments/{_name(1)}/{name}"] = type(next(iter(remote.store.values())))(
        remote, f"{root}/x", b"evil"
    )
    try:
        with pytest.raises(UnreadableInput, match=r"holds .* which is no name of a file: remove it there"):
            pull(memory, tmp_path / "in" / "here" / "back")
    finally:
        remote.store.pop(f"{root}/segments/{_name(1)}/{name}")
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "quux://bucket/x",
            r"quux://bucket/x is no URL that podfence uses: name s3://, gs://, abfs:// or file://\.",
        ),
        ("/mnt/share", r"/mnt/share is no URL that podfence uses"),
        ("gs://bucket/x", r"gs:// needs a driver that is not installed: run pip install gcsfs\."),
        ("s3://key:secret@bucket/x", r"s3://bucket/x is no place in a bucket: write s3://BUCKET/PATH"),
        ("s3:///x", r"is no place in a bucket"),
        ("file:///dev/null/x", r"file:///dev/null/x cannot be used \(.*\): check that the bucket or folder is there\."),
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence_without_secrets(url, sentence, store):
    _segment(store, 1)
    with pytest.raises(PodfenceError, match=sentence) as raised:
        push(store, url)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_server_that_nobody_reaches_is_one_sentence(store, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        asking(monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}")
        _segment(store, 1)
        with pytest.raises(PodfenceError, match=r"s3://bucket/x cannot be reached .*: check the address"):
            push(store, "s3://bucket/x")


def test_a_bucket_that_is_not_there_is_one_sentence(store, bucket, monkeypatch):
    asking(monkeypatch, bucket)
    _segment(store, 1)
    with pytest.raises(PodfenceError, match=r"s3://other-bucket/x cannot be used .*not found.*: check that the bucket"):
        push(store, "s3://other-bucket/x")


def test_credentials_that_are_refused_are_one_sentence(store, bucket, monkeypatch):
    asking(monkeypatch, bucket, key="stranger")
    _segment(store, 1)
    enforced(bucket, from_request=0)
    try:
        with pytest.raises(PodfenceError, match=r"s3://bucket/x refuses these credentials .*: give ones that may"):
            push(store, "s3://bucket/x")
    finally:
        enforced(bucket, from_request="inf")


def test_without_fsspec_the_sentence_names_the_extra(store, memory):
    _segment(store, 1)
    with (
        patch.dict(sys.modules, {"fsspec": None}),
        pytest.raises(PodfenceError, match=r"memory:// needs fsspec: run pip install 'podfence\[push\]'\."),
    ):
        push(store, memory)


def test_a_folder_that_is_no_learning_store_is_refused(tmp_path, memory):
    with pytest.raises(
        UnreadableInput, match=r"is no learning store \(it has no segments\): name one that learn wrote"
    ):
        push(tmp_path, memory)


def test_a_url_without_a_whole_segment_is_refused(tmp_path, memory):
    with pytest.raises(UnreadableInput, match="holds no whole segment: name what `podfence learn --push` was given"):
        pull(memory, tmp_path)
