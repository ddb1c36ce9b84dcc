"""Files with NetObserv's flows: whoever wrote one, each flow is a line, and nothing of it is lost."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import netobserv
from collectors.formats.netobserv_lines import flow_lines
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.test_netobserv import WEB, XLAT, back, of, there


def test_every_shape_of_file_says_the_same():
    flows = (there(**WEB, **XLAT), back())
    plain = of(*flows)
    labels = ("SrcK8S_Namespace", "SrcK8S_OwnerName", "SrcK8S_Type", "FlowDirection", "DstK8S_Type")
    lines = [
        {"labels": {name: str(flow[name]) for name in labels if name in flow}, "timestamp": "2026-03-01T10:00:01Z",
         "line": json.dumps({name: value for name, value in flow.items() if name not in labels})}
        for flow in flows
    ]  # fmt: skip
    shapes = (json.dumps(flows), json.dumps(flows, indent=2), "".join(f"{json.dumps(one)},\n" for one in flows),
              "\n".join(map(json.dumps, lines)))  # fmt: skip
    for shape in shapes:
        found = seen(netobserv, shape.encode())
        assert netobserv.sniff(shape.encode())
        assert (found.row, found.left_out) == (plain.row, {})
        assert found.claims.equals(plain.claims)


@pytest.mark.parametrize("line", ["", "x", "{}", "{ }", '{"SrcAddr":\n"10.0.1.7"}', None, 7, "[1]"])
@pytest.mark.parametrize("labels", [{}, {"a": "b"}, None, "x"])
def test_every_line_of_loki_is_one_record(line, labels):
    content = "\n".join(json.dumps({"labels": labels, "line": text}) for text in (json.dumps(there()), line)).encode()
    assert size(netobserv, content) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_commas_behind_flows_are_taken_off_and_those_within_stay(end):
    content = b'{"a":{"b":1},"c":[{},{}]},' + end + b'{"a":2},' + end
    assert [json.loads(line) for line in flow_lines(io.BytesIO(content)).read().splitlines()] == [
        {"a": {"b": 1}, "c": [{}, {}]},
        {"a": 2},
    ]


def test_of_a_key_that_is_in_both_the_flows_own_counts():
    (line,) = flow_lines(io.BytesIO(b'{"labels":{"a":"1","b":"2"},"line":"{\\"a\\":3}"}\n')).read().splitlines()
    assert json.loads(line) == {"a": 3, "b": "2"}


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_lines_of_loki_that_are_damaged_stay_lines(some):
    content = b'{"labels":{},"line":"{}"}\n' + b"\n".join(some)
    lines = [line for line in content.split(b"\n") if line.strip(b" \t\r\n\v\f")]
    assert size(netobserv, content) == len(lines)
