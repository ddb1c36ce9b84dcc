"""The benchmark of scale counts what it made, and a node more is a node more."""

import numpy as np

from benchmarks.recommend import make_inventory
from benchmarks.scale import SHAPES, make_hour, measure


def test_every_shape_is_measured_on_an_hour_too():
    for shape in SHAPES.values():
        spent = measure(shape, 2, 1, 86_400)
        assert 0 < spent["rows"] <= spent["connections"]
        assert spent["communications"] > 0
        assert spent["bytes"] > 0


def test_what_a_node_sees_is_its_own_pods_and_within_the_hour():
    shape = SHAPES["edge"]
    inventory = make_inventory(shape.pods)
    seen = make_hour(np.random.default_rng(1), shape, inventory, 1, 3)
    own = {inventory.pods[at].ips[0] for at in range(shape.pods, 2 * shape.pods)}
    assert (seen["src"].isin(own) | seen["dst"].isin(own)).all()
    assert set(seen["first_seen"].dt.hour) == {3}
