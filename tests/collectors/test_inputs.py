"""What lies at a URL is found, named and read as what lies in a folder."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError, UnreadableInput
from collectors.formats.mapping import columns_mapping
from collectors.formats.period import Period, period_of
from collectors.inputs import distinct_names
from collectors.remote import Remote
from collectors.sources import read_flows
from collectors.store import save
from tests.collectors import buckets
from tests.collectors.capture.frames import A, C, pcap, session, timed, udp
from tests.collectors.formats.hands import SECOND, START
from tests.collectors.formats.samples import FOLDER
from tests.collectors.learned import assert_same

FILES = {
    "2026-11-01/node-1.pcap": pcap(timed(session()), link=101),
    "2026-11-02/node-1.pcap.gz": gzip.compress(pcap(timed([udp(A, 1, C, 53)], start=86_400))),
    "2026-11-02/hubble.jsonl.gz": gzip.compress((FOLDER / "hubble.jsonl").read_bytes()),
    "2026-11-02/vpc.parquet": (FOLDER / "aws-vpc-parquet.parquet").read_bytes(),
    "2026-11-02/.hidden.pcap": b"x",
    "_SUCCESS": b"",
    "readme.txt": b"nothing",
}


def written(place, files):
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True) if not isinstance(place, Remote) else None
        (place / name).write_bytes(content)


@pytest.fixture
def folder(tmp_path):
    written(tmp_path / "logs", FILES)
    return tmp_path / "logs"


@pytest.fixture
def there(url):
    written(Remote.of(url), FILES)
    return url


def test_a_folder_at_a_url_is_read_as_a_folder_here(there, folder):
    assert_same(read_flows([there]), read_flows([folder]))


def test_a_file_at_a_url_is_the_file_that_was_copied_there(there, folder, tmp_path):
    for name in ("2026-11-01/node-1.pcap", "2026-11-02/hubble.jsonl.gz", "2026-11-02/vpc.parquet"):
        here = read_flows([folder / name])
        assert_same(read_flows([f"{there}/{name}"]), here)
        save(here, tmp_path / "obs")
        assert save(read_flows([f"{there}/{name}"]), tmp_path / "obs") == here.window.sources


def test_a_pattern_is_all_that_it_matches_and_nothing_counts_twice(there, folder):
    days = [folder / "2026-11-01", folder / "2026-11-02"]
    assert_same(read_flows([f"{there}/2026-11-*"]), read_flows(days))
    captures = [folder / "2026-11-01" / "node-1.pcap", folder / "2026-11-02" / "node-1.pcap.gz"]
    assert_same(read_flows([f"{there}/*/*.pcap*", f"{there}/2026-11-01/node-1.pcap"]), read_flows(captures))


def test_files_at_urls_and_here_are_read_together(there, folder):
    mixed = [f"{there}/2026-11-02", folder / "2026-11-01"]
    assert_same(read_flows(mixed), read_flows([folder / "2026-11-01", folder / "2026-11-02"]))


def test_more_workers_read_the_same_from_a_server(bucket, monkeypatch):
    buckets.asking(monkeypatch, bucket)
    written(Remote.of("s3://bucket/workers"), FILES)
    assert_same(read_flows(["s3://bucket/workers"], workers=2), read_flows(["s3://bucket/workers"]))


def test_one_that_was_named_and_cannot_be_read_is_refused_and_one_that_was_found_is_told(memory):
    written(Remote.of(memory), {"a.pcap": FILES["2026-11-01/node-1.pcap"], "b.txt": b"nothing"})
    with pytest.raises(UnreadableInput, match=f"^{memory}/b.txt is no capture and no flow log"):
        read_flows([f"{memory}/b.txt"])
    found = read_flows([f"{memory}/*"])
    assert [source.name for source in found.window.sources] == ["a.pcap"]
    assert found.ledger.event_counts() == {"unreadable": 1}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://host/x.pcap", r"^http://host/x.pcap is no URL that podfence uses: name s3://"),
        ("memory://nowhere/x.pcap", r"^memory://nowhere/x.pcap does not exist: check the URL\.$"),
        ("memory://nowhere/*.pcap", r"^memory://nowhere/\*.pcap matches nothing: check the pattern"),
        ("gs://bucket/x.pcap", r"^gs:// needs a driver that is not installed: run pip install gcsfs\.$"),
        ("s3://key:secret@bucket/x", r"^s3://bucket/x is no place in a bucket"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_sentence(url, sentence):
    with pytest.raises(PodfenceError, match=sentence):
        read_flows([url])


def test_a_folder_of_nothing_readable_is_refused(memory):
    written(Remote.of(memory), {"readme.txt": b"nothing"})
    with pytest.raises(UnreadableInput, match=f"^{memory} holds no capture and no flow log among 1 files"):
        read_flows([memory])


def test_of_a_period_other_records_are_in_the_ledger_and_captures_and_stores_are_refused(memory, tmp_path):
    lines = "".join(f"{START // SECOND + at},10.0.0.1,10.0.0.2,80,tcp\n" for at in range(0, 7200, 60))
    written(Remote.of(memory), {"log.csv": f"at,src,dst,port,protocol\n{lines}".encode()})
    how = {"format": "generic", "mapping": columns_mapping("time=at,src=src,dst=dst,dst_port=port,protocol=protocol")}
    found = read_flows([f"{memory}/log.csv"], **how, period=period_of("2026-03-01T11:00:00Z", None))
    assert found.ledger.packet_counts() == {"outside": 60}
    assert found.window.sources[0].packets == 120
    assert str(found.window.start) == "2026-03-01 11:00:00+00:00"
    (tmp_path / "a.pcap").write_bytes(FILES["2026-11-01/node-1.pcap"])
    with pytest.raises(UnreadableInput, match=r"a.pcap is a capture, and --since and --until are for flow logs"):
        read_flows([tmp_path / "a.pcap"], period=Period(START))
    save(found, tmp_path / "obs")
    with pytest.raises(UnreadableInput, match=r"obs is a store, and --since and --until are for flow logs"):
        read_flows([tmp_path / "obs"], period=Period(START))


paths = st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join), unique=True, max_size=8)


@given(paths)
def test_names_have_as_many_folders_as_tell_them_apart_and_no_more(listed):
    places = [Remote("memory://bucket", path) for path in listed]
    names = distinct_names(places)
    assert len(set(names.values())) == len(places)
    for place, name in names.items():
        tail = name.split("/")
        assert list(place.parts[-len(tail) :]) == tail
        shorter = tail[1:]
        rivals = [other for other in places if other != place and list(other.parts[-len(shorter) :]) == shorter]
        assert not shorter or rivals
