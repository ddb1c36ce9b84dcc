"""A place at a URL is listed, read and written as a path is."""

import gzip
import io

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from collectors.remote import Remote
from tests.collectors import buckets


def written(url, files):
    place = Remote.of(url)
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


def names(places):
    return [str(place).rpartition("node-1/")[2] for place in places]


def test_what_was_written_is_listed_and_read(url):
    place = written(url, {"a/one": b"1", "a/b/two": b"22", "three": b"333"})
    assert place.files() == ["a/b/two", "a/one", "three"]
    assert [one.name for one in place.iterdir()] == ["a", "three"]
    assert (place / "a" / "b/two").read_bytes() == b"22"
    assert [(place / name).kind() for name in ("a", "three", "none")] == ["directory", "file", None]
    assert str(place / "three") == f"{url}/three"
    assert Remote.of(f"{url}/three") == place / "three"


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(url):
    place = written(url, {"one": b"1"})
    (place / "one").replace_bytes(b"2")
    assert (place / "one").read_bytes() == b"2"
    assert place.files() == ["one"]


def test_what_is_not_there_has_no_files_and_cannot_be_opened(url):
    place = Remote.of(url)
    assert place.files() == list(place.iterdir()) == []
    assert not place.exists()
    (place / "one").unlink(missing_ok=True)
    for asked in (place.open, place.read_bytes, (place / "one").unlink):
        with pytest.raises(UnreadableInput, match=r"node-1\S* does not exist: check the URL\."):
            asked()


def test_a_pattern_matches_names_of_one_folder_and_no_hidden_ones(url):
    written(url, {f"{day}/{name}": b"x" for day in ("2026-10-31", "2026-11-01", ".2026-11") for name in ("a.gz", "b")})
    assert names(Remote.of(f"{url}/2026-1[01]-*/*.gz").matches()) == ["2026-10-31/a.gz", "2026-11-01/a.gz"]
    assert names(Remote.of(f"{url}/2026-11-*").matches()) == ["2026-11-01"]
    assert names(Remote.of(f"{url}/*/b").matches()) == ["2026-10-31/b", "2026-11-01/b"]
    assert names(Remote.of(f"{url}/.*/b").matches()) == [".2026-11/b"]
    with pytest.raises(UnreadableInput, match=r"2027-\* matches nothing: check the pattern"):
        Remote.of(f"{url}/2027-*").matches()


@pytest.mark.parametrize("name", ["a#b", "a b", "ä", "a%20b", "a&b"])
def test_any_name_is_read_that_a_listing_gives(url, name):
    place = written(url, {name: b"1"})
    assert place.files() == [name]
    assert (place / name).read_bytes() == b"1"


_CONTENT = bytes(range(256)) * 1024
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 1 << 17)),
        st.tuples(st.sampled_from(["seek", "on", "end"]), st.integers(0, len(_CONTENT))),
    ),
    max_size=12,
)


@given(steps=_STEPS)
def test_wherever_it_is_read_it_says_what_a_file_says(steps):
    place = written("memory://steps", {"one": _CONTENT})
    plain = io.BytesIO(_CONTENT)
    with (place / "one").open() as stream:
        for step, number in steps:
            for file in (stream, plain):
                if step == "seek":
                    file.seek(number)
                elif step == "on":
                    file.seek(min(number, len(_CONTENT) - file.tell()), io.SEEK_CUR)
                elif step == "end":
                    file.seek(-number, io.SEEK_END)
            if step == "read":
                assert stream.read(number) == plain.read(number)
            assert stream.tell() == plain.tell()


def test_what_is_read_on_and_on_is_asked_for_in_few_pieces(memory, monkeypatch):
    place = written(memory, {"one": bytes(1 << 22)})
    asked = []
    read = io.BytesIO.read
    kind = type(fsspec.filesystem("memory").open(f"{memory}/one"))
    monkeypatch.setattr(kind, "read", lambda self, size: (asked.append(size), read(self, size))[1])
    with (place / "one").open() as stream:
        while stream.read(1 << 16):
            pass
    assert sum(asked) >= 1 << 22
    assert len(asked) < 12


def test_what_vanishes_while_it_is_read_is_one_sentence(bucket, monkeypatch):
    buckets.asking(monkeypatch, bucket)
    place = written("s3://bucket/vanishing", {"one": gzip.compress(b"x")}) / "one"
    stream = place.open()
    place.unlink()
    with pytest.raises(PodfenceError, match=r"^s3://bucket\S* (does not exist|cannot be used) .*\.$"):
        stream.read()


def test_a_stranger_and_a_bucket_that_is_not_there_are_one_sentence_each(bucket, monkeypatch):
    buckets.asking(monkeypatch, bucket, key="stranger")
    assert not Remote.of("s3://other-bucket/x").exists()
    buckets.enforced(bucket, from_request=0)
    try:
        for asked in (Remote.of("s3://bucket/x").files, Remote.of("s3://bucket/x").read_bytes):
            with pytest.raises(PodfenceError, match=r"s3://bucket\S* refuses these credentials .*: give ones that may"):
                asked()
    finally:
        buckets.enforced(bucket, from_request="inf")
