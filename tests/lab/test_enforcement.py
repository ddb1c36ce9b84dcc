"""The exported policies against real packets: what was observed passes, the rest is dropped, every rule is needed.

The samples were recorded in one generation of the shop. Here the policies meet the next one: every pod rolled out
again under another name, template hash and address, and the report's next run beside the web pod that had its address.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab import checks
from tests.lab.enforce import Object, compile_nft, load
from tests.lab.probes import Enforced, must_drop, must_pass

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def policies(shop_lab: Enforced, tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """Return what the product makes of its own samples."""
    del shop_lab  # no lab, no need to run the product
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "recommender.cli", "demo", "-o", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made = load(folder / "policies")
    assert made, f"no policy in {sorted(folder.rglob('*'))}"
    return made


def test_without_policies_everything_passes(shop_lab: Enforced):
    """The control for all that follows: no probe is dropped for a reason of the lab's own, with the same patience."""
    shop_lab.apply([])
    probes = [*must_pass(shop_lab.shop), *must_drop(shop_lab.shop)]
    assert {probe: what for probe, what in shop_lab.probe(probes).items() if what != "passed"} == {}


def test_what_was_observed_passes(shop_lab: Enforced, policies: list[Object]):
    shop_lab.apply(policies)
    assert checks.lost(shop_lab) == []


def test_everything_else_is_dropped(shop_lab: Enforced, policies: list[Object]):
    shop_lab.apply(policies)
    assert checks.leaking(shop_lab, must_drop(shop_lab.shop)) == {}


def test_each_rule_carries_exactly_what_fails_without_it(shop_lab: Enforced, policies: list[Object]):
    assert checks.removal_faults(shop_lab, policies, checks.some_to_drop(shop_lab, 200)) == []


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_the_check_notices_a_drop_turned_into_accept(shop_lab: Enforced, policies: list[Object], direction: str):
    """One pod's chain is opened: the check must see leaks, and all of them at that pod."""
    text, closed = compile_nft(policies, shop_lab.cluster), must_drop(shop_lab.shop)
    head, chain, tail = text.partition(f"chain {direction}_")
    assert chain, f"nothing isolates any pod for {direction}"
    victim = shop_lab.cluster.pods[int(tail.split()[0])]
    shop_lab.load(head + chain + tail.replace("counter drop", "counter accept", 1))
    found = checks.leaking(shop_lab, closed)
    assert found, f"an open {direction} chain went unnoticed"
    if direction == "egress":
        assert {probe.src for probe in found} == {victim.name}
    else:
        assert {probe.dst for probe in found} == {shop_lab.workload_of(victim.name)}
    shop_lab.apply(policies)
    assert checks.leaking(shop_lab, list(found)) == {}
