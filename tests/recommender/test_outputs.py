"""An export is the same objects in whatever layout, and a new kind of object needs no change elsewhere."""

from dataclasses import replace

import pytest

from collectors.errors import PodfenceError
from recommender.manifest import policies_from_yaml
from recommender.outputs import Document, Layout, export_files
from recommender.policy import LabelSelector, NetworkPolicy
from recommender.store import load_policies, save_policies


def policy(name="web", namespace="shop"):
    return NetworkPolicy(namespace, name, LabelSelector((("app", name),)), ("Ingress",))


def test_each_policy_is_a_file_below_its_namespace():
    files = export_files([policy("b"), policy("a"), policy("db", "data")])
    assert list(files) == ["data/db.yaml", "kustomization.yaml", "shop/a.yaml", "shop/b.yaml"]
    assert "resources:\n- data/db.yaml\n- shop/a.yaml\n- shop/b.yaml\n" in files["kustomization.yaml"]


def test_a_namespace_is_one_file_of_the_same_objects_in_order():
    single = export_files([policy("b"), policy("a")])
    files = export_files([policy("b"), policy("a")], Layout(per_namespace=True))
    assert list(files) == ["kustomization.yaml", "shop.yaml"]
    assert files["shop.yaml"] == f"{single['shop/a.yaml']}---\n{single['shop/b.yaml']}"
    assert [found.name for found in policies_from_yaml(files["shop.yaml"], "f").policies] == ["a", "b"]


def test_a_namespace_called_kustomization_does_not_take_the_kustomizations_place():
    files = export_files([policy("web", "kustomization")], Layout(per_namespace=True))
    assert list(files) == ["_kustomization.yaml", "kustomization.yaml"]
    assert '- "_kustomization.yaml"' in files["kustomization.yaml"]


@pytest.mark.parametrize("per_namespace", [False, True])
@pytest.mark.parametrize("name", ["../x", "", "UP", "_x", "a/b"])
def test_no_name_leads_out_of_the_folder(name, per_namespace):
    for bad in (policy(name), policy("web", name)):
        with pytest.raises(PodfenceError, match="no name of a namespace or policy"):
            export_files([bad], Layout(per_namespace=per_namespace))


class Whole:
    """Another kind of object: one for the whole cluster."""

    name = "whole"

    def documents(self, policies):
        """Return one object of all policies."""
        return [Document(None, "all", f"kind: Whole\ncount: {len(list(policies))}\n")]


def test_another_kind_of_object_is_laid_out_by_the_same_rules():
    files = export_files([policy("a"), policy("b")], Layout(output=Whole()))
    assert files["_cluster/all.yaml"] == "kind: Whole\ncount: 2\n"
    assert list(export_files([policy()], Layout(per_namespace=True, output=Whole()))) == [
        "_cluster.yaml", "kustomization.yaml",
    ]  # fmt: skip


def test_the_longest_names_are_files_that_a_disk_takes_each_its_own(tmp_path):
    names = ["n" * 253, "n" * 252, "n" * 241, "n" * 240]
    files, _ = save_policies([replace(policy(), name=name) for name in names], tmp_path)
    assert len(files) == 5
    assert {found.name for found in load_policies([tmp_path])[0]} == set(names)
