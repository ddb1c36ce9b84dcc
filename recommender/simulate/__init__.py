"""The simulator turns policies, connections and an inventory into verdicts with reasons, and into what is open besides.

Law: nothing here imports `generate`, `suggest` or `review`, or does I/O. A check that shares code with what it checks
is no check; all that is shared are the values of `policy`, `outcomes`, `communications` and the inventory.
Semantics: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from recommender.simulate.actors import SimulationOptions
from recommender.simulate.difference import difference, is_within
from recommender.simulate.judging import judge
from recommender.simulate.reachable import reachable
from recommender.simulate.replay import isolation, simulate
from recommender.simulate.surplus import excess

__all__ = ["SimulationOptions", "difference", "excess", "is_within", "isolation", "judge", "reachable", "simulate"]
