"""What a real kube-apiserver refused is refused at the same field, and what it took is read as it took it."""

import json
from pathlib import Path

import pytest

from collectors.errors import UnreadableInput
from recommender.manifest import policies_from_yaml, policy_to_object, to_yaml
from recommender.manifest_read import policy_from_object

ANSWERS = json.loads((Path(__file__).parents[1] / "recorded" / "networkpolicy_answers.json").read_text())
OF_THE_OBJECT = ("err_422_np_", "err_400_strict", "err_400_port")
"""Refused for what the object is, and not for its name in the path, rights, conflicts or a missing namespace."""
REFUSED = [a for a in ANSWERS if a["file"].startswith(OF_THE_OBJECT)]
TAKEN = [a for a in ANSWERS if a["spec"] is not None and not a["warning"]]


def test_the_recorded_answers_are_many_of_both():
    assert (len(REFUSED), len(TAKEN)) == (29, 6)


@pytest.mark.parametrize("answer", REFUSED, ids=lambda answer: answer["file"])
@pytest.mark.parametrize("write", [to_yaml, json.dumps], ids=["yaml", "json"])
def test_what_the_api_server_refused_is_refused_at_the_field_that_it_named(answer, write):
    with pytest.raises(UnreadableInput) as refused:
        policies_from_yaml("---\nkind: Service\n---\n" + write(answer["request"]), "my.yaml")
    sentence = str(refused.value)
    assert sentence.startswith("my.yaml, document 2: ")
    path = sentence.removeprefix("my.yaml, document 2: ").partition(": ")[0]
    assert all(path.startswith(field) for field in answer["fields"])
    if answer["status"] == 400:
        assert path.rpartition(".")[2].partition("[")[0] in answer["message"]


@pytest.mark.parametrize("answer", TAKEN, ids=lambda answer: answer["file"])
def test_what_the_api_server_took_is_read_with_the_defaults_that_it_filled_in(answer):
    metadata = {"name": "p", "namespace": "web"}
    ours = policy_from_object({**answer["request"], "metadata": metadata}, "request")
    theirs = policy_from_object({"metadata": metadata, "spec": answer["spec"]}, "answer")
    assert policy_to_object(ours) == policy_to_object(theirs)


def test_a_field_that_the_api_server_drops_with_a_warning_is_refused_as_kubectl_does():
    dropped = [answer for answer in ANSWERS if answer["warning"]]
    assert len(dropped) == 1
    with pytest.raises(UnreadableInput, match=r"spec\.ingres: is a field that NetworkPolicy does not have"):
        policies_from_yaml(to_yaml(dropped[0]["request"]), "f")


@pytest.mark.parametrize("answer", [a for a in ANSWERS if a["status"] in {403, 404, 409}], ids=lambda a: a["file"])
def test_what_was_refused_for_another_reason_than_the_object_is_read(answer):
    assert len(policies_from_yaml(to_yaml(answer["request"]), "f").policies) == 1
