"""Whatever a server answers, and however the way to it fails, it is one bounded sentence and an error of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.refusals import (
    Asked,
    Busy,
    ClusterError,
    Expired,
    Forbidden,
    NotServed,
    Unauthorized,
    Unreachable,
    not_json,
    refusal,
    refused_in_stream,
    unreachable,
)

ASKED = Asked("https://api:6443", "list", "pods")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
STATUS = st.fixed_dictionaries(
    {}, optional={"message": JSON, "code": JSON, "details": JSON | st.fixed_dictionaries({"retryAfterSeconds": JSON})}
)


def _is_one_sentence(fault):
    assert isinstance(fault, ClusterError)
    assert "\n" not in str(fault)
    assert len(str(fault)) < 700
    assert str(fault).startswith("https://api:6443: ")


@given(st.integers(201, 999), st.binary(max_size=500) | STATUS.map(lambda found: json.dumps(found).encode()),
       st.dictionaries(st.sampled_from(["Content-Type", "Retry-After"]), st.text()))  # fmt: skip
def test_any_answer_is_one_sentence(status, body, headers):
    _is_one_sentence(refusal(ASKED, status, headers, body))
    _is_one_sentence(not_json(ASKED, headers, body))


@given(STATUS)
def test_any_status_in_a_stream_is_one_sentence(status):
    _is_one_sentence(refused_in_stream(ASKED, status))


@given(st.text(), st.text())
def test_any_fault_of_the_connection_is_one_sentence(first, second):
    fault = OSError(first)
    fault.__cause__ = ValueError(second)
    _is_one_sentence(unreachable(ASKED, fault))


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Unauthorized), (403, Forbidden), (404, NotServed), (410, Expired), (429, Busy), (500, Busy), (504, Busy),
     (301, Unreachable), (407, Unreachable), (400, ClusterError), (409, ClusterError)],
)  # fmt: skip
def test_the_class_of_an_error_tells_what_to_do(status, error):
    assert type(refusal(ASKED, status, {}, b"{}")) is error
    assert type(refused_in_stream(ASKED, {"code": status})) is error


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), ("0", 0.0), ("", None), ("-1", None), ("٣", None),
                                               ("Wed, 21 Oct 2026 07:28:00 GMT", None)])  # fmt: skip
def test_the_wait_that_a_busy_server_asks_for_is_known_where_it_is_in_seconds(text, seconds):
    fault = refusal(ASKED, 429, {"Retry-After": text}, b"")
    assert isinstance(fault, Busy)
    assert fault.retry_after == seconds
