import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.policy import IPBlock
from recommender.widening import Widening, holds, problem, size, widening_from_data, widening_to_data
from tests.recommender.simulated import seen

_PORT = st.integers(1, 65535)
_WIDENINGS = st.builds(
    Widening,
    addresses=st.none()
    | st.sampled_from([IPBlock("203.0.113.0/24", ("203.0.113.64/26",)), IPBlock("::/0", ("fc00::/7", "fe80::/10"))]),
    ports=st.none() | st.tuples(_PORT, _PORT).map(lambda pair: (min(pair), max(pair))),
    protocols=st.sampled_from([(), ("TCP", "UDP"), ("SCTP",)]),
    service_ports=st.lists(_PORT, max_size=3, unique=True).map(sorted).map(tuple),
    source=st.booleans(),
    destination=st.booleans(),
    options=st.sampled_from([(), ("dns",), ("cidr=unseen:4", "dns")]),
)


@given(_WIDENINGS)
def test_what_is_written_is_read_again_and_nothing_unset_is_written(widening):
    data = widening_to_data(widening)
    assert widening_from_data(data) == widening
    assert all(data.values())


@given(_WIDENINGS)
def test_a_widening_is_true_where_it_opens_something(widening):
    assert bool(widening) == bool(widening_to_data(widening).keys() - {"options"})
    assert (str(widening) == "nothing") != bool(widening)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("everything", "should hold keys"),
        ({"adresses": "203.0.113.0/24"}, "'adresses', which is none of addresses, except"),
        ({"addresses": "203.0.113.7/24"}, "no range of addresses"),
        ({"addresses": 17}, "no range of addresses"),
        ({"addresses": "x" * 999}, "no range of addresses"),
        ({"except": ["203.0.113.0/26"]}, "needs `addresses`"),
        ({"addresses": "203.0.113.0/24", "except": "203.0.113.0/26"}, "should be a list"),
        ({"addresses": "203.0.113.0/24", "except": ["10.0.0.0/8"]}, "not inside"),
        ({"addresses": "203.0.113.0/24", "except": ["203.0.113.0/24"]}, "not inside"),
        ({"addresses": "203.0.113.0/24", "except": ["::/1"]}, "not inside"),
        ({"ports": 80}, "like 30000-30100"),
        ({"ports": "90-80"}, "should go up"),
        ({"ports": "0-80"}, "should go up"),
        ({"ports": "1-65536"}, "should go up"),
        ({"protocols": "TCP"}, "should be a list"),
        ({"protocols": ["ICMP"]}, "none of TCP, UDP, SCTP"),
        ({"service_ports": [True]}, "no port number"),
        ({"service_ports": [70000]}, "no port number"),
        ({"source": "everyone"}, "`source` should be `namespace`"),
        ({"destination": True}, "`destination` should be `namespace`"),
        ({"source": ["namespace"]}, "`source` should be `namespace`"),
        ({"destination": {}}, "`destination` should be `namespace`"),
        ({"addresses": "fe80::7%eth0"}, "no range of addresses"),
        ({"addresses": "::%\n/0"}, "no range of addresses"),
        ({"ports": "1_0-2_0"}, "like 30000-30100"),
        ({"ports": "\u0663-\u0664"}, "like 30000-30100"),
        ({"ports": "-1-5"}, "like 30000-30100"),
    ],
)
def test_what_is_wrong_is_said_in_one_short_sentence(data, said):
    with pytest.raises(ValueError, match=r".") as fault:
        widening_from_data(data)
    assert said in str(fault.value)
    assert len(str(fault.value)) < 250


@pytest.mark.parametrize(
    ("widening", "ends", "said"),
    [
        (Widening(addresses=IPBlock("203.0.113.0/24")), ("web", "203.0.113.9"), ""),
        (Widening(addresses=IPBlock("203.0.113.0/24")), ("web", "203.0.114.9"), "do not hold 203.0.114.9"),
        (Widening(addresses=IPBlock("203.0.113.0/24", ("203.0.113.8/31",))), ("web", "203.0.113.9"), "do not hold"),
        (Widening(addresses=IPBlock("203.0.113.0/24")), ("web", "2001:db8::9"), "do not hold 2001:db8::9"),
        (Widening(addresses=IPBlock("203.0.113.0/24")), ("web", "api"), "both ends are workloads"),
        (Widening(ports=(70, 90)), ("web", "api"), ""),
        (Widening(ports=(81, 90)), ("web", "api"), "do not hold 80"),
        (Widening(protocols=("UDP",)), ("web", "api"), "without TCP"),
        (Widening(service_ports=(443,)), ("203.0.113.9", "api"), "no workload"),
        (Widening(source=True), ("203.0.113.9", "api"), "the source is no workload"),
        (Widening(destination=True), ("web", "203.0.113.9"), "the destination is no workload"),
        (Widening(source=True, destination=True), ("web", "api"), ""),
    ],
)
def test_a_widening_must_hold_what_was_seen(widening, ends, said):
    found = problem(widening, seen(*ends, 80))
    assert (said in found) if said else found == ""


def test_the_size_of_a_block_counts_overlapping_excepts_once():
    block = IPBlock("203.0.113.0/24", ("203.0.113.0/25", "203.0.113.64/26"))
    assert size(block) == 128
    assert holds(block, "203.0.113.200")
    assert not holds(block, "203.0.113.70")
