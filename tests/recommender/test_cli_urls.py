"""podfence with URLs: a bucket is read, a store in it is written and suggested from, as if they were here."""

import uuid
from pathlib import Path

import pytest
from recommender.samples import __path__ as samples

from collectors.remote import Remote
from collectors.store import load
from recommender.cli import main
from tests.collectors.learned import assert_same

SAMPLES = next(iter(samples))


@pytest.fixture
def place():
    place = Remote.of(f"memory://{uuid.uuid4().hex}")
    (place / "logs" / "shop.pcap").write_bytes(Path(SAMPLES, "shop.pcap").read_bytes())
    return place


def test_a_store_in_a_bucket_gives_the_review_that_a_store_here_gives(place, tmp_path, capsys):
    for capture, store in ((f"{SAMPLES}/shop.pcap", str(tmp_path / "obs")), (f"{place}/logs/*", f"{place}/obs")):
        assert main(["observe", capture, "-o", store]) == 0
        review = tmp_path / store.rpartition("/")[0].replace("/", "-")
        assert main(["suggest", store, "--inventory", f"{SAMPLES}/inventory", "-o", str(review)]) == 0
    assert_same(load(f"{place}/obs"), load(tmp_path / "obs"))
    reviews = [folder for folder in tmp_path.iterdir() if folder.name != "obs"]
    here, there = [(folder / "suggestions.json").read_bytes() for folder in reviews]
    assert here == there
    assert f"written to {place}/obs\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["observe", "http://host/x", "-o", "OUT"], "http://host/x is no URL that podfence uses"),
        (["observe", "SHOP", "-o", "quux://host/x"], "quux://host/x is no URL that podfence uses"),
        (["suggest", "memory://nowhere", "-o", "OUT"], "memory://nowhere is no observation store"),
        (["observe", "SHOP", "-o", "OUT", "--since", "24h"], "--since '24h' is no time"),
        (["observe", "SHOP", "-o", "OUT", "--until", "2026-11-23"], "shop.pcap is a capture, and --since and --until"),
    ],
)
def test_a_url_or_period_that_is_none_is_one_sentence_and_status_2(words, says, tmp_path, capsys):
    named = {"SHOP": f"{SAMPLES}/shop.pcap", "OUT": str(tmp_path / "out")}
    assert main([named.get(word, word) for word in words]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
