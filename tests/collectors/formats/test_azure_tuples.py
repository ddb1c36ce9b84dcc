"""Tuples of Azure's flow logs become lines, one for each, and an end is known to be all that came of a beginning."""

import io
import json

from collectors.formats import azure_tuples
from collectors.formats.azure_tuples import COLUMNS, OPTIONAL, tuple_lines

BEGUN = "1772359200123,10.224.0.15,10.224.0.44,41000,8080,6,O,B,NX,0,0,0,0"
GOES_ON = BEGUN.replace(",B,NX,0,0,0,0", ",C,NX,90,9000,80,8000")
ENDED = BEGUN.replace(",B,NX,0,0,0,0", ",E,NX,2,132,1,66")


def network(*tuples, acl="acl", mac="0022", target="/vnets/shop"):
    rules = {"aclID": acl, "flowGroups": [{"rule": "Allow", "flowTuples": list(tuples)}]}
    return {"macAddress": mac, "targetResourceID": target, "flowRecords": {"flows": [rules]}}


def group(*tuples, mac="0022", group="/NSGS/SHOP"):
    flows = [{"mac": mac, "flowTuples": list(tuples)}]
    return {"resourceId": group, "properties": {"Version": 2, "flows": [{"rule": "Allow", "flows": flows}]}}


def lines_of(*records):
    stream = tuple_lines(io.BytesIO(json.dumps({"records": records}).encode()))
    return stream.read().decode().splitlines()


def whole(*records):
    """Return for each tuple whether it ends what the one before began."""
    return [line.split(",")[2] for line in lines_of(*records)]


def test_every_tuple_is_a_line_with_its_layout_and_who_saw_it():
    old = "1772359200,10.224.0.15,10.224.0.44,41000,8080,T,O,A"
    lines = lines_of(network(BEGUN), group(old))
    assert lines == [f"network,/vnets/shop 0022 acl,0,{BEGUN}", f"group,/NSGS/SHOP 0022,0,{old}"]
    assert [line.count(",") + 1 for line in lines] == [len(COLUMNS), len(COLUMNS) - OPTIONAL]


def test_an_end_is_the_whole_of_a_connection_only_behind_its_beginning():
    assert whole(network(BEGUN, ENDED)) == whole(network(BEGUN), network(ENDED)) == ["0", "1"]
    assert whole(network(ENDED)) == ["0"]
    assert whole(network(BEGUN, GOES_ON, ENDED)) == ["0", "0", "0"]
    assert whole(network(BEGUN, ENDED, ENDED)) == ["0", "1", "0"]


def test_each_interface_and_list_of_rules_has_beginnings_of_its_own():
    for other in ({"mac": "0023"}, {"acl": "b"}, {"target": "/vnets/b"}):
        assert whole(network(BEGUN), network(ENDED, **other)) == ["0", "0"]


def test_only_so_many_beginnings_are_remembered(monkeypatch):
    monkeypatch.setattr(azure_tuples, "MAXIMUM", 1)
    other = [text.replace("41000", "41001") for text in (BEGUN, ENDED)]
    assert whole(network(BEGUN, other[0], ENDED, other[1])) == ["0", "0", "0", "1"]


def test_a_name_with_a_comma_or_a_line_end_stays_one_value():
    (line,) = lines_of(network(BEGUN, mac="a,b\nc"))
    assert line == f"network,/vnets/shop a b c acl,0,{BEGUN}"


def test_a_name_that_is_endless_or_no_text_makes_no_long_lines():
    nested = []
    for _ in range(900):
        nested = [nested]
    for odd in ("x" * 10_000, 7, None, nested):
        assert len(lines_of(network(BEGUN, target=odd))[0]) < 400


def test_a_tuple_with_a_line_end_stays_one_line():
    assert len(lines_of(network("a,b\nc", 7, None, BEGUN))) == 4


def test_a_record_without_tuples_is_a_line_and_so_is_one_that_is_none():
    odd = [{}, network(), {"flowRecords": {"flows": {}}}, {"flowRecords": [1]}, {"properties": {"flows": [7]}}]
    assert len(lines_of(*odd)) == len(odd)
    assert lines_of(7, "x", [1]) == ["-", "-", "-"]
