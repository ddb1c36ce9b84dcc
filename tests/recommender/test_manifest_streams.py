"""What Helm and kustomize print is read as what it holds: documents, with notes for people left out and counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from recommender.manifest import HELM_NOTES, policies_from_yaml
from recommender.manifest_streams import documents_only

POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {}\n  namespace: shop\nspec: {{}}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n"
TEMPLATE = (
    "---\n# Source: shop/templates/a.yaml\n" + POLICY.format("a") + "---\n# Source: shop/templates/empty.yaml\n"
    "---\n# Source: shop/templates/NOTES.txt\n1. Get the URL: by {{ running\n  - this:\n\n---\n"
    "# Source: shop/templates/b.yaml\n" + SERVICE + "---\n# Source: shop/templates/c.yaml\n" + POLICY.format("b")
)
INSTALL = (
    "NAME: shop\nLAST DEPLOYED: Mon Nov 23 07:30:36 2026\nNAMESPACE: shop\nSTATUS: pending-install\nHOOKS:\n---\n"
    "# Source: shop/templates/hook.yaml\n" + SERVICE + "MANIFEST:\n---\n# Source: shop/templates/a.yaml\n"
    + POLICY.format("a") + "\nNOTES:\n1. Get the application URL: by {{ running\n---\n  export X: $(kubectl)\n"
)  # fmt: skip


@pytest.mark.parametrize(("text", "names"), [(TEMPLATE, ["a", "b"]), (INSTALL, ["a"])], ids=["template", "install"])
def test_what_helm_prints_is_read_and_its_notes_are_counted(text, names):
    read = policies_from_yaml(text, "stdin")
    assert [policy.name for policy in read.policies] == names
    assert read.skipped == {HELM_NOTES: 1, "Service": 1}


def test_a_fault_behind_notes_names_the_line_that_the_user_sees():
    text = TEMPLATE + "---\na: b: c\n"
    with pytest.raises(UnreadableInput, match=f"line {text.count(chr(10))}: not YAML"):
        policies_from_yaml(text, "stdin")


def test_notes_without_helm_are_no_notes():
    text = "NOTES:\n- of mine\n"
    assert documents_only(text).text == text
    with pytest.raises(UnreadableInput, match="kind: is missing"):
        policies_from_yaml(text, "f")


def test_documents_without_anything_are_nothing():
    read = policies_from_yaml("---\n# nothing\n---\n\n---\n" + POLICY.format("a") + "---\n", "f")
    assert (len(read.policies), read.skipped) == (1, {})


def test_lists_of_any_kind_are_opened_also_in_lists():
    text = (
        "kind: List\napiVersion: v1\nitems:\n- {kind: Service, apiVersion: v1}\n"
        "- kind: NetworkPolicyList\n  apiVersion: networking.k8s.io/v1\n  items: [{metadata: {name: a}}]\n"
        "- {kind: PodList, apiVersion: v1, items: [{metadata: {name: x}}, {metadata: {name: y}}]}\n"
        "- {kind: AllowList, apiVersion: example.com/v1, spec: {}}\n"
    )
    read = policies_from_yaml(text, "f", "shop")
    assert [(policy.namespace, policy.name) for policy in read.policies] == [("shop", "a")]
    assert read.skipped == {"AllowList": 1, "Pod": 2, "Service": 1}
    assert read.places == ("f, items[1], items[0]",)
    assert read.assumed == ("shop/a",)


def test_a_policy_of_another_group_is_another_kind():
    text = "kind: NetworkPolicyList\napiVersion: crd.projectcalico.org/v1\nitems: [{metadata: {name: a}}]\n"
    assert policies_from_yaml(text, "f").skipped == {"crd.projectcalico.org/v1 NetworkPolicy": 1}


@given(st.lists(st.sampled_from(["---", "# Source: a/NOTES.txt", "# Source: a.yaml", "NOTES:", "NAME: x", "a: 1", ""])))
def test_no_line_moves_and_no_line_is_added(lines):
    text = "\n".join(lines)
    kept = documents_only(text).text.split("\n")
    assert len(kept) == len(text.split("\n"))
    assert all(line in {"", before} for line, before in zip(kept, text.split("\n"), strict=True))


def test_a_policy_without_api_version_is_refused_as_kubectl_does():
    text = "---\n" + POLICY.format("a") + "---\n" + POLICY.format("b").partition("\n")[2]
    with pytest.raises(UnreadableInput, match="here, document 2: apiVersion: is missing"):
        policies_from_yaml(text, "here")
