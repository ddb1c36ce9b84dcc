"""C21: a port's name stands for its number only where every pod agrees."""

from recommender.named_ports import named_ports
from tests.recommender.simulated import pod


def test_c21_a_name_that_every_pod_has_at_that_number_is_its_name():
    pods = [pod("a", "10.0.0.1", ports=[(8080, "TCP", "http")]), pod("b", "10.0.0.2", ports=[(8080, "TCP", "http")])]
    assert named_ports(pods) == (("TCP", 8080, "http"),)


def test_c21_a_pod_without_the_name_takes_it_from_all():
    pods = [pod("a", "10.0.0.1", ports=[(8080, "TCP", "http")]), pod("b", "10.0.0.2", ports=[(8080, "TCP")])]
    assert named_ports(pods) == ()


def test_c21_while_a_rollout_makes_numbers_differ_numbers_are_written():
    pods = [pod("a", "10.0.0.1", ports=[(8080, "TCP", "http")]), pod("b", "10.0.0.2", ports=[(9090, "TCP", "http")])]
    assert named_ports(pods) == ()


def test_a_name_of_two_numbers_in_one_pod_is_no_name():
    assert named_ports([pod("a", "10.0.0.1", ports=[(8080, "TCP", "http"), (9090, "TCP", "http")])]) == ()


def test_the_same_name_of_two_protocols_is_two_names():
    found = named_ports([pod("a", "10.0.0.1", ports=[(53, "UDP", "dns"), (53, "TCP", "dns")])])
    assert found == (("TCP", 53, "dns"), ("UDP", 53, "dns"))


def test_of_two_names_of_one_port_the_first_counts():
    assert named_ports([pod("a", "10.0.0.1", ports=[(80, "TCP", "web"), (80, "TCP", "http")])]) == (
        ("TCP", 80, "http"),
    )


def test_names_that_the_api_server_would_refuse_are_none():
    for name in ("", "80", "-a", "a-", "a--b", "Http", "a" * 16, "a\n", "a b"):
        assert named_ports([pod("a", "10.0.0.1", ports=[(80, "TCP", name)])]) == ()
    assert named_ports([pod("a", "10.0.0.1", ports=[(80, "TCP", "a" * 15)])])


def test_host_network_pods_do_not_count_and_without_pods_there_are_no_names():
    pods = [pod("a", "10.0.0.1", ports=[(80, "TCP", "http")]), pod("h", "192.168.0.1", host=True)]
    assert named_ports(pods) == (("TCP", 80, "http"),)
    assert named_ports([]) == ()
