"""The enforcer itself, with policies written by hand: a check is worth what its own checks are."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.lab import checks
from tests.lab.enforce import Object, load
from tests.lab.probes import Enforced, must_drop, must_pass

pytestmark = pytest.mark.lab


@pytest.fixture
def by_hand() -> list[Object]:
    return load(Path(__file__).with_name("policies.yaml"))


def _policy(policies: list[Object], name: str) -> Object:
    return next(made for made in policies if made["metadata"]["name"] == name)


def test_right_policies_let_through_what_they_should_and_nothing_else(shop_lab: Enforced, by_hand: list[Object]):
    shop_lab.apply(by_hand)
    assert checks.lost(shop_lab) == []
    assert checks.leaking(shop_lab, must_drop(shop_lab.shop)) == {}


def test_both_readings_agree_on_each_rule(shop_lab: Enforced, by_hand: list[Object]):
    assert checks.removal_faults(shop_lab, by_hand, checks.some_to_drop(shop_lab, 100)) == []


def test_a_rule_by_the_service_address_blocks_the_service(shop_lab: Enforced, by_hand: list[Object]):
    """The naive reading of a client-side capture: `ipBlock` of the ClusterIP and the Service port."""
    service = shop_lab.shop.service("data/redis")
    rule = next(entry for entry in _policy(by_hand, "api")["spec"]["egress"] if entry["ports"][0]["port"] == "redis")
    rule["to"] = [{"ipBlock": {"cidr": f"{service.cluster4}/32"}}, {"ipBlock": {"cidr": f"{service.cluster6}/128"}}]
    rule["ports"] = [{"port": 6380}]
    shop_lab.apply(by_hand)
    hopes = [probe for probe in must_pass(shop_lab.shop) if probe.dst == service.workload]
    assert set(shop_lab.probe(hopes).values()) == {"dropped"}


def test_a_useless_rule_is_found_by_its_removal(shop_lab: Enforced, by_hand: list[Object]):
    spec = _policy(by_hand, "statsd")["spec"]
    spec["ingress"].append(copy.deepcopy(spec["ingress"][0]))
    faults = checks.removal_faults(shop_lab, by_hand[-1:], [])
    assert "monitoring/statsd ingress 1 carries nothing of its own" in faults


def test_too_wide_a_rule_leaks(shop_lab: Enforced, by_hand: list[Object]):
    """An empty peer list means anyone: the defect that some generators have."""
    del _policy(by_hand, "traefik")["spec"]["ingress"][0]["from"]
    shop_lab.apply(by_hand)
    found = checks.leaking(shop_lab, must_drop(shop_lab.shop))
    assert {(probe.dst, probe.number) for probe in found} == {("kube-system/Deployment/traefik", 8000)}


def test_ranges_and_exceptions_end_where_they_say(shop_lab: Enforced, by_hand: list[Object]):
    """The outside client may use 8000 to 9100, the host just beside it in the same block may not."""
    spec = _policy(by_hand, "traefik")["spec"]
    spec["ingress"][0] = {
        "from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["198.51.100.0/24", "10.0.0.0/8"]}}],
        "ports": [{"port": 8000, "endPort": 9100}],
    }
    shop_lab.apply(by_hand)
    found = checks.leaking(shop_lab, must_drop(shop_lab.shop))
    assert {(probe.src, probe.number) for probe in found} == {
        ("client", number) for number in (8080, 8125, 8443, 9090, 9100)
    }
    assert {":" in probe.address for probe in found} == {False}
