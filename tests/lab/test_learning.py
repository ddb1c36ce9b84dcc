"""Learning on a living node gives the policies of a clean capture of the same time, although it is killed twice.

`PODFENCE_LEARN_SECONDS=180` plays the long form; CI the short one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors import load_inventory, read_flows
from collectors.inventory import Inventory
from collectors.observation import Observation
from collectors.store import load
from recommender.stages import suggested
from tests.lab import record
from tests.lab import topology as t
from tests.lab.lab import Lab
from tests.lab.learning import Learner

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("learning")]
SECONDS = float(os.environ.get("PODFENCE_LEARN_SECONDS", "30"))
KILLED_AFTER = (0.42 * SECONDS, 0.68 * SECONDS)
"""When no communication falls into the time without a learner as a whole: each is played some times, evenly."""
STANDING = f"{t.WORKER} -> {t.QUEUE} TCP/5672"
# The address passed to another pod in the same minute: in the short form no flow can tell whose it was.
HANDED_OVER = {f"{t.REPORT} -> {t.COREDNS} UDP/53", f"{t.WEB} -> {t.COREDNS} UDP/53"}


@pytest.fixture(scope="module")
def learnt(lab_rights: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[record.Recording, dict[str, Learner]]:  # noqa: ARG001
    """Return a recording of the shop, and learners that watched the same."""
    folder = tmp_path_factory.mktemp("learnt")
    learners: dict[str, Learner] = {}

    def learner(name: str, *options: str):
        def beside(lab: Lab):
            learners[name] = Learner(lab, folder / name, *options)
            return learners[name].killed(KILLED_AFTER)

        return beside

    beside = [learner("any", "--interface", "br0", "--interface", "any"), learner("cables", "--interface", "veth*")]
    return record.record(folder / "shop", SECONDS, beside=beside), learners


def rules(observation: Observation, inventory: Inventory) -> set[str]:
    return {str(item.communication) for item in suggested(observation, inventory).suggestions.items} - HANDED_OVER


@pytest.mark.parametrize("name", ["any", "cables"])
def test_learning_killed_twice_gives_the_rules_of_a_clean_capture(
    learnt: tuple[record.Recording, dict[str, Learner]], name: str
):
    recording, learners = learnt
    known = load_inventory(recording.folder / "inventory")
    clean = rules(read_flows([recording.folder / "shop.pcap"]), known)
    assert len(clean) > 20
    assert rules(load(learners[name].store), known) == clean


@pytest.mark.parametrize("name", ["any", "cables"])
def test_the_ledger_tells_both_times_without_a_learner(learnt: tuple[record.Recording, dict[str, Learner]], name: str):
    store = load(learners_store(learnt, name))
    gaps = [gap for gap in store.window.gaps if gap.lost is None]
    assert len(gaps) == 2
    assert all(0 < (gap.end - gap.start).total_seconds() < 0.4 * SECONDS for gap in gaps)
    assert store.ledger.event_counts()["gap"] >= 2
    assert store.window.drops == 0


def learners_store(learnt: tuple[record.Recording, dict[str, Learner]], name: str) -> Path:
    return learnt[1][name].store


def test_a_connection_that_was_open_at_both_deaths_counts_once(
    learnt: tuple[record.Recording, dict[str, Learner]],
):
    flows = load(learners_store(learnt, "any")).flows
    standing = flows[(flows["dst_port"] == 5672) & (flows["outcome"] == "established")]
    assert len(standing)
    assert int(standing["connections"].sum()) <= 2  # before DNAT and behind it
