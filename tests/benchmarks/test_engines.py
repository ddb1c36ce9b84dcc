import gzip

import pytest

from benchmarks import engines
from collectors.formats.mapping import columns_mapping
from collectors.sources import read_flows

FILES = 3


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(engines, "PARQUETS", FILES)
    monkeypatch.setattr(engines, "NODES", FILES)


def test_every_row_that_is_asked_for_is_read(tmp_path):
    engines.write_parquets(tmp_path, 40 * FILES)
    found = read_flows([tmp_path], format="generic", mapping=columns_mapping(engines._MAPPING))
    assert [source.packets for source in found.window.sources] == [40] * FILES
    assert not found.ledger.packets


def test_every_node_has_lines_of_its_own_and_so_many_bytes_as_are_asked_for(tmp_path):
    engines.write_hubbles(tmp_path, 30_000 * FILES)
    logs = [gzip.decompress(path.read_bytes()) for path in tmp_path.iterdir()]
    assert len(set(logs)) == FILES
    assert sum(map(len, logs)) == pytest.approx(30_000 * FILES, rel=0.1)
    assert len(read_flows([tmp_path]).window.sources) == FILES
