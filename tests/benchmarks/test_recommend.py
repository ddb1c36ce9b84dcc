"""The benchmark of the recommendation runs every step, and refuses numbers of what is wrong."""

from benchmarks.recommend import make_inventory, make_policies, measure
from collectors.inventory import Inventory
from recommender.existing import existing


def test_every_step_is_measured_on_a_small_cluster_too():
    spent = measure(300, 900)
    assert [name.partition(",")[0] for name in spent] == [
        "suggest", "review", "generate", "simulate", "excess", "isolation", "coverage", "findings", "compare", "adopt",
    ]  # fmt: skip
    assert min(spent.values()) >= 0


def test_the_policies_that_it_makes_up_can_all_be_read():
    refs = tuple(make_inventory(300).workloads)
    made = make_policies(refs, 40)
    found = existing(Inventory(policies=made))
    assert (len(found.policies), found.unread) == (40, ())
