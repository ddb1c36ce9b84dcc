import json

import pytest

from benchmarks.log_lines import write_log
from benchmarks.log_loops import hubble_by, hubble_by_podfence, separated_by_pandas, separated_by_podfence

LINES = 3_000


def counts(found):
    return {connection: records for connection, (records, _, _) in found.items()}


@pytest.mark.parametrize("kind", ["hubble", "zeek", "vpc"])
def test_all_programs_count_the_records_that_were_written(kind, tmp_path):
    path = tmp_path / kind
    write_log(path, kind, LINES)
    if kind == "hubble":
        ours, theirs = hubble_by_podfence(path), hubble_by(json.loads, path)
    else:
        ours, theirs = separated_by_podfence(kind, path), separated_by_pandas(kind, path)
    assert counts(ours) == counts(theirs)
    assert sum(counts(ours).values()) == LINES
    assert len(ours) < LINES


def test_a_log_is_the_same_bytes_for_the_same_number(tmp_path):
    for name in ("a", "b"):
        write_log(tmp_path / name, "hubble", 50)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
