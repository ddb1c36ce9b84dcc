import json

import pytest

from collectors.errors import NewerArtefact, UnreadableInput
from recommender.artefacts import suggestions_from_data, suggestions_to_data
from tests.cluster import deployment, flow
from tests.recommender.test_suggest import PARTS, _suggest

PARTS = [*PARTS, deployment("canary", ["10.0.0.8"], labels={"app": "web", "track": "c"})]
SEEN = _suggest(
    flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.8", "8.8.8.8", 443, packets=None),
    flow("10.0.0.1", "10.0.0.3", 22, outcome="refused"), parts=PARTS,
)  # fmt: skip


def test_suggestions_survive_the_file():
    text = json.dumps(suggestions_to_data(SEEN))
    assert suggestions_from_data(json.loads(text), "s.json") == SEEN


def test_the_same_suggestions_are_the_same_bytes():
    assert json.dumps(suggestions_to_data(SEEN)) == json.dumps(suggestions_to_data(SEEN))


@pytest.mark.parametrize(
    "data", [None, {}, {"kind": "podfence/suggestions"}, {"kind": "podfence/suggestions", "version": 1}]
)
def test_what_is_no_suggestions_file_is_refused_naming_it(data):
    with pytest.raises(UnreadableInput, match=r"^s\.json: "):
        suggestions_from_data(data, "s.json")


def test_a_file_of_a_newer_podfence_is_refused_with_both_versions():
    with pytest.raises(NewerArtefact, match="version 9, this podfence reads up to 1"):
        suggestions_from_data({"kind": "podfence/suggestions", "version": 9}, "s.json")


def test_an_end_that_many_suggestions_name_is_one_object():
    found = suggestions_from_data(json.loads(json.dumps(suggestions_to_data(SEEN))), "s.json")
    ends = [end for item in found.items for end in (item.communication.src, item.communication.dst, item.ingress_of)]
    assert len({id(end) for end in ends if end is not None}) == len({end for end in ends if end is not None})


def test_an_address_where_a_workload_belongs_is_refused():
    data = json.loads(json.dumps(suggestions_to_data(SEEN)))
    data["suggestions"][0]["ingress_of"] = {"address": "8.8.8.8", "kind": "external"}
    with pytest.raises(UnreadableInput, match=r"^s\.json: damaged"):
        suggestions_from_data(data, "s.json")
