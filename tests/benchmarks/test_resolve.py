import numpy as np

from benchmarks.resolve import make_flows, make_inventory
from collectors.tenancy import tenancy
from recommender.resolve import RESOLVED, resolve


def test_every_generated_flow_is_resolved_and_every_address_changes_its_owner():
    inventory = make_inventory(60, 3)
    flows = make_flows(np.random.default_rng(1), 500, inventory)
    found = resolve(flows, inventory)
    RESOLVED.check(found)
    assert found["flow"].nunique() == 500
    assert {"pod", "external"} <= set(found["dst_class"])
    segments = tenancy(inventory)
    assert segments.loc[segments["kind"] == "pod"].groupby("ip", observed=True)["pod"].nunique().gt(1).all()
