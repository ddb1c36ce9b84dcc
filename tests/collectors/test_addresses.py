import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.addresses import Ranges, address_class, canonical_ip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00:0:0:0::1", "fd00::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_way_to_be_written(text, canonical):
    assert canonical_ip(text) == canonical


@pytest.mark.parametrize("text", ["", "None", "10.0.0", "example.com", "10.0.0.1/32"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        canonical_ip(text)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.1.2.3", "private"), ("172.31.255.255", "private"), ("172.32.0.0", "public"), ("192.168.1.1", "private"),
        ("100.64.0.1", "private"), ("fd12::1", "private"), ("8.8.8.8", "public"), ("198.51.100.23", "public"),
        ("2001:db8::1", "public"), ("169.254.169.254", "link_local"), ("fe80::1", "link_local"),
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("224.0.0.251", "multicast"), ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"), ("0.0.0.0", "multicast"), ("::", "multicast"),
    ],
)  # fmt: skip
def test_b14_every_address_has_its_class_and_private_is_never_public(address, kind):
    assert address_class(address) == kind


def test_ranges_hold_their_first_and_last_address_and_no_other():
    ranges = Ranges(["10.0.0.0/24", "10.0.1.7/24", "fd00::/64"])
    assert all(address in ranges for address in ("10.0.0.0", "10.0.1.255", "fd00::", "fd00::ffff:ffff:ffff:ffff"))
    assert not any(address in ranges for address in ("9.255.255.255", "10.0.2.0", "fd00:0:0:1::", "::"))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "all", "10.0.0.0/24\x1b"])
def test_a_range_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        Ranges([text])


@pytest.mark.parametrize("text", ["", "no", "10.0.0", "\udc80"])
def test_text_that_is_no_address_has_no_class(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        address_class(text)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_b14_a_class_is_what_the_standard_library_says_of_the_address(address):
    kind = address_class(str(address))
    assert (kind == "loopback") == address.is_loopback
    assert (kind == "link_local") == address.is_link_local
    assert (kind == "multicast") == (address.is_multicast or address.is_unspecified)
