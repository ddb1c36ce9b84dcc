"""D29: the estimate of what is still unseen, held against simulated traffic whose truth is known."""

from itertools import pairwise
from math import exp, factorial, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.unseen import unseen, unseen_by_group

RUNS = 400
COUNTS = st.lists(st.integers(1, 500), max_size=40)


def _zipf(edges):
    shares = 1 / np.arange(1, edges + 1)
    return shares / shares.sum()


DISTRIBUTIONS = {
    "zipf": _zipf(400),
    "steep zipf": _zipf(2000) ** 1.6 / (_zipf(2000) ** 1.6).sum(),
    "uniform": np.full(300, 1 / 300),
    "few edges": np.full(3, 1 / 3),
    "one rare edge": np.array([0.99, 0.01]),
    "many rare edges": np.array([0.5, *np.full(5000, 0.5 / 5000)]),
}


def _draw(kind, rng, shares, size):
    if kind == "poisson":
        return rng.poisson(shares * size)
    if kind == "multinomial":
        return rng.multinomial(size, shares)
    # in a time bucket an edge is sighted or not: the model that sightings really follow
    return rng.binomial(200, np.minimum(1, shares * size / 200))


def _runs(kind, shares, size):
    """Estimates of many runs, and what each one missed: as an expectation, and as a share of all."""
    rng = np.random.default_rng(20261123)
    rates = 200 * np.minimum(1, shares * size / 200) if kind == "buckets" else shares * size
    drawn = np.stack([_draw(kind, rng, shares, size) for _ in range(RUNS)])
    found = unseen_by_group(np.nonzero(drawn)[0], drawn[drawn > 0], RUNS)
    missed = np.where(drawn == 0, rates, 0).sum(axis=1)
    return found, missed, missed / rates.sum()


@pytest.mark.parametrize("kind", ["poisson", "multinomial", "buckets"])
@pytest.mark.parametrize("size", [30, 300, 3000])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_d29_the_bound_holds_in_at_least_its_stated_share_of_runs(name, size, kind):
    runs = zip(*_runs(kind, DISTRIBUTIONS[name], size), strict=True)
    held = [one.expected_most >= missed and one.chance_most >= share for one, missed, share in runs]
    assert sum(held) >= 0.95 * RUNS


@pytest.mark.parametrize("kind", ["poisson", "multinomial"])
@pytest.mark.parametrize("size", [300, 3000])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_d29_the_estimate_is_unbiased(name, size, kind):
    """A multinomial sample of n stands for n - 1: its bias is below 1 / n."""
    found, _, shares = _runs(kind, DISTRIBUTIONS[name], size)
    errors = np.array([one.chance or 0.0 for one in found]) - shares
    noise = errors.std() / RUNS**0.5
    assert abs(errors.mean()) <= 4 * noise + 1 / size


def test_d29_the_bound_is_sharp_where_there_is_much_evidence():
    """The estimate itself errs by 0.4 % here; McAllester and Schapire (2000) would add 6.5 % to it."""
    found, _, _ = _runs("poisson", _zipf(20_000), 20_000)
    assert all(one.chance < one.chance_most < one.chance + 0.015 for one in found)


@given(
    weight=st.floats(0.001, 0.9),
    rates=st.lists(st.floats(0.01, 4), min_size=1, max_size=3),
)
def test_d29_the_proof_of_the_bound_holds_to_the_digit(weight, rates):
    """exp(a * rate) where unseen, 1 - a^count where seen: mean 1 for any rates of any edges."""

    def mean(rate):
        seen = sum(exp(-rate) * rate**k / factorial(k) * (1 - weight**k) for k in range(1, 60))
        return exp(-rate) * exp(weight * rate) + seen

    assert prod(map(mean, rates)) == pytest.approx(1)


@given(weight=st.floats(0.001, 0.9), chances=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_d29_sightings_in_buckets_of_any_chance_keep_the_mean_at_most_1(weight, chances):
    """With a chance of its own in every bucket (nights are quieter) the mean is 1 + this difference."""
    unseen_share = prod((1 - chance) * exp(weight * chance) for chance in chances)
    assert unseen_share <= prod(1 - chance + weight * chance for chance in chances) + 1e-12


def test_d29_nothing_seen_bounds_nothing():
    found = unseen([])
    assert (found.sightings, found.edges, found.chance, found.chance_most) == (0, 0, None, 1.0)


def test_d29_the_estimate_is_the_share_of_edges_seen_once():
    found = unseen([1, 1, 3, 5])
    assert (found.sightings, found.edges, found.once, found.chance) == (10, 4, 2, 0.2)


def test_d29_without_an_edge_seen_once_the_bound_is_still_not_zero():
    assert 3 / 1000 < unseen([1000]).chance_most < 6 / 1000


@given(COUNTS)
def test_d29_more_confidence_never_gives_a_lower_bound(counts):
    bounds = [unseen(counts, confidence).expected_most for confidence in (0.5, 0.9, 0.95, 0.999)]
    assert all(low <= high for low, high in pairwise(bounds))


@given(COUNTS)
def test_d29_an_edge_seen_more_often_never_raises_the_bound(counts):
    more = unseen([count + 1 for count in counts])
    assert more.expected_most <= unseen(counts).expected_most + 1e-9


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50)), max_size=30))
def test_d29_many_groups_at_once_are_the_same_as_one_by_one(pairs):
    group, counts = (np.array([pair[at] for pair in pairs], dtype=np.int64) for at in (0, 1))
    together = unseen_by_group(group, counts, 5)
    alone = [unseen(counts[group == at]) for at in range(5)]
    for one, other in zip(together, alone, strict=True):
        assert (one.sightings, one.edges, one.once) == (other.sightings, other.edges, other.once)
        assert one.expected_most == pytest.approx(other.expected_most)


@pytest.mark.parametrize("confidence", [0, 1, -1, float("nan")])
def test_d29_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ValueError, match="not between 0 and 1"):
        unseen([1], confidence)


def test_d29_an_edge_without_a_sighting_is_refused():
    with pytest.raises(ValueError, match="at least one sighting"):
        unseen([1, 0])
