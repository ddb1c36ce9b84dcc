"""A packet from a low port to a high one looks like an answer; no other does."""

import pytest

from collectors.formats.columns import Numbers
from collectors.formats.ports import is_like_answer


@pytest.mark.parametrize(
    ("source", "destination", "answer"),
    [(8080, 41000, True), (41000, 8080, False), (700, 2049, False), (41000, 50000, False), (32767, 32768, True),
     (32768, 32767, False), (None, 41000, False), (8080, None, False), (0, 0, False)],
)  # fmt: skip
def test_an_answer_goes_from_a_low_port_to_a_high_one(source, destination, answer):
    assert is_like_answer(Numbers.of([source]), Numbers.of([destination])).tolist() == [answer]
