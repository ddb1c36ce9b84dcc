"""podfence observe --engine: the same store and words from each, and one broken file of a folder ends nothing."""

import pytest

from recommender.cli import main
from tests.collectors.engines import write_logs, write_unreadable


def observed(words, store, capsys):
    """Run the command; return its status, its lines, and the bytes of the store's files."""
    status = main(["observe", *map(str, words), "-o", str(store)])
    said = capsys.readouterr()
    files = {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    return status, said.out, said.err.replace(str(store), "STORE"), files


@pytest.fixture
def folder(tmp_path):
    write_logs(tmp_path / "logs", 10)
    write_unreadable(tmp_path / "logs" / "node-99.json.gz")
    return tmp_path / "logs"


def test_every_engine_writes_the_same_store_and_names_the_file_that_it_left_out(folder, tmp_path, capsys):
    plain = observed([folder], tmp_path / "plain", capsys)
    status, out, err, files = plain
    assert status == 0
    assert "1 unreadable" in out
    assert "left out, since they cannot be read: node-99.json.gz; of the first: " in err
    assert files
    assert observed([folder, "--workers", 2], tmp_path / "local", capsys) == plain
    pytest.importorskip("distributed", reason="Dask is not here: pip install 'podfence[dask]'")
    assert observed([folder, "--engine", "dask", "--workers", 2], tmp_path / "dask", capsys) == plain


def test_a_scheduler_without_its_engine_is_bad_usage_in_one_sentence(folder, tmp_path, capsys):
    status, out, err, files = observed([folder, "--scheduler", "tcp://127.0.0.1:1"], tmp_path / "store", capsys)
    assert (status, out, files) == (2, "", {})
    assert err == "podfence: a scheduler is for the engine dask: name that engine, or no scheduler.\n"
