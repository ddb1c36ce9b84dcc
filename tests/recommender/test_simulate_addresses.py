"""Sets of addresses and of ports, against sets of single addresses and ports counted one by one."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from recommender.policy import IPBlock
from recommender.simulate import addresses, port_algebra
from recommender.simulate.bits import bits, first, mask_of
from recommender.simulate.ports import union

_BASES = {4: ipaddress.ip_address("198.51.100.240"), 6: ipaddress.ip_address("2001:db8::fff0")}
_ALL = [base + step for base in _BASES.values() for step in range(16)]
_TOP = ["255.255.255.240/28", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124"]


@st.composite
def _cidrs(draw):
    """CIDRs inside of sixteen addresses of each family."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        version, bits_free = draw(st.sampled_from([4, 6])), draw(st.integers(0, 4))
        low = int(_BASES[version]) + (draw(st.integers(0, 15)) >> bits_free << bits_free)
        address = ipaddress.IPv4Address(low) if version == 4 else ipaddress.IPv6Address(low)
        found.append(f"{address}/{(32 if version == 4 else 128) - bits_free}")
    return found


def _one_by_one(cidrs):
    return {ip for ip in _ALL if any(ip in ipaddress.ip_network(cidr) for cidr in cidrs)}


@given(_cidrs(), _cidrs())
def test_set_algebra_of_addresses_is_that_of_single_addresses(one, other):
    left, right = addresses.of_cidrs(one), addresses.of_cidrs(other)
    mine, theirs = _one_by_one(one), _one_by_one(other)
    for made, wanted in ((left | right, mine | theirs), (left & right, mine & theirs), (left - right, mine - theirs)):
        assert {ip for ip in _ALL if ip in made} == wanted == _one_by_one(made.cidrs())
        assert made.size == len(wanted)
        assert made == addresses.of_cidrs(made.cidrs())
        assert made == addresses.of_cidrs(map(str, wanted))


@given(_cidrs())
def test_cidrs_are_as_few_as_can_be(cidrs):
    made = addresses.of_cidrs(cidrs).cidrs()
    few = [
        str(net)
        for version in (4, 6)
        for net in ipaddress.collapse_addresses(n for n in map(ipaddress.ip_network, cidrs) if n.version == version)
    ]
    assert list(made) == few


@given(_cidrs())
def test_a_set_told_with_excepts_is_the_same_set(cidrs):
    made = addresses.of_cidrs(cidrs)
    whole, gaps = made.with_excepts()
    assert addresses.of_cidrs(whole) - addresses.of_cidrs(gaps) == made
    assert len(whole) == len({version for version, _, _ in made.intervals})


def test_the_whole_of_both_families_is_two_cidrs_and_without_the_last_addresses_it_is_exact():
    assert addresses.EVERYWHERE.cidrs() == ("0.0.0.0/0", "::/0")
    rest = addresses.EVERYWHERE - addresses.of_cidrs(_TOP)
    assert addresses.EVERYWHERE.size - rest.size == 32
    assert rest | addresses.of_cidrs(_TOP) == addresses.EVERYWHERE


@st.composite
def _blocks(draw):
    whole = draw(st.sampled_from(["198.51.100.240/28", "198.51.100.248/29", "2001:db8::fff0/124", "198.51.0.0/16"]))
    inside = [cidr for cidr in draw(_cidrs()) if (":" in cidr) == (":" in whole)]
    nets = [n for n in map(ipaddress.ip_network, inside) if n.subnet_of(ipaddress.ip_network(whole))]
    return IPBlock(whole, tuple(str(net) for net in nets if str(net) != whole))


@given(st.lists(_blocks(), max_size=4), _cidrs())
def test_classes_of_addresses_hold_each_address_once_and_are_what_blocks_tell_apart(blocks, apart):
    inside = addresses.of_cidrs(apart)
    found = addresses.classes(blocks, inside)
    for ip in _ALL:
        ((key, _),) = [(key, ranges) for key, ranges in found.items() if ip in ranges]
        holding = {block for block in blocks if ip in addresses.of_block(block)}
        assert key == (ip.version, ip in inside, holding)
    total = addresses.NOWHERE
    for ranges in found.values():
        assert not (total & ranges).intervals
        total |= ranges
    assert total == addresses.EVERYWHERE


@given(_blocks())
def test_an_ip_block_is_its_cidr_without_its_excepts(block):
    made = addresses.of_block(block)
    assert {ip for ip in _ALL if ip in made} == _one_by_one([block.cidr]) - _one_by_one(block.excepts)


@given(_cidrs(), st.sets(st.sampled_from(_ALL)))
def test_a_set_holds_only_known_addresses_if_each_of_its_addresses_is_known(cidrs, known):
    by_version = {4: [], 6: []}
    for ip in sorted(known, key=int):
        by_version[ip.version].append(int(ip))
    assert addresses.holds_only(addresses.of_cidrs(cidrs), by_version) == (_one_by_one(cidrs) <= known)


_POINTS = [(protocol, port) for protocol in ("TCP", "UDP", "SCTP") for port in range(1, 9)]
_SPANS = st.lists(
    st.tuples(st.sampled_from(["TCP", "UDP", "SCTP"]), st.integers(1, 8), st.integers(0, 4)).map(
        lambda part: (part[0], part[1], min(part[1] + part[2], 8))
    ),
    max_size=4,
).map(union)


def _points(spans):
    return {(p, port) for p, port in _POINTS if any(p == name and low <= port <= high for name, low, high in spans)}


@given(_SPANS, _SPANS)
def test_set_algebra_of_ports_is_that_of_single_ports(one, other):
    mine, theirs = _points(one), _points(other)
    for made, wanted in (
        (port_algebra.common(one, other), mine & theirs),
        (port_algebra.less(one, other), mine - theirs),
        (port_algebra.joined(one, other), mine | theirs),
    ):
        assert _points(made) == wanted
        assert made == union(made)


@given(_SPANS)
def test_every_port_and_no_port_are_the_ends_of_the_algebra(ports):
    assert port_algebra.common(ports, port_algebra.EVERY_PORT) == ports
    assert port_algebra.common(port_algebra.EVERY_PORT, ports) == ports
    assert port_algebra.less(ports, port_algebra.EVERY_PORT) == port_algebra.NO_PORT
    rest = port_algebra.less(port_algebra.EVERY_PORT, ports)
    assert port_algebra.joined(rest, ports) == port_algebra.EVERY_PORT
    assert port_algebra.words(port_algebra.NO_PORT) == "none"


@given(st.sets(st.integers(0, 300)))
def test_bits_of_a_mask_are_the_numbers_it_was_made_of(numbers):
    mask = mask_of(numbers)
    assert list(bits(mask)) == sorted(numbers)
    assert not numbers or first(mask) == min(numbers)
