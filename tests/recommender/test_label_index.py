from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import WorkloadRef
from recommender.label_index import LabelIndex, selects
from recommender.policy import LabelSelector, Requirement

KEYS, VALUES = st.sampled_from("abc"), st.sampled_from("xyz")
LABELS = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.builds(
    Requirement,
    KEYS,
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(VALUES, max_size=3).map(tuple),
)
SELECTORS = st.builds(
    LabelSelector,
    LABELS.map(lambda labels: tuple(sorted(labels.items()))),
    st.lists(REQUIREMENTS, max_size=2).map(tuple),
)


@given(st.lists(st.lists(LABELS, max_size=3), max_size=6), SELECTORS)
def test_the_index_finds_whom_a_look_at_every_label_set_finds(sets, selector):
    workloads = {WorkloadRef("shop", "Deployment", str(at)): own for at, own in enumerate(sets)}
    plain = {ref for ref, own in workloads.items() if any(selects(selector, labels) for labels in own)}
    index = LabelIndex(workloads)
    assert index.caught(selector) == plain
    assert index.caught(selector) is index.caught(selector)
