import io
import json
import sys

import pytest

from collectors.errors import PodfenceError, UnreadableInput
from recommender.outputs import Layout
from recommender.policy import LabelSelector, NetworkPolicy
from recommender.review import Decision
from recommender.store import (
    ChangedOnDisk,
    differing_files,
    load_decisions,
    load_policies,
    load_suggestions,
    read_policies,
    replace_decisions,
    save_decisions,
    save_policies,
    save_suggestions,
    write_text,
)
from tests.recommender.test_artefacts import SEEN


def _policy(name="web", namespace="shop"):
    return NetworkPolicy(namespace, name, LabelSelector((("app", "web"),)), ("Ingress",))


def test_suggestions_and_decisions_survive_the_review_folder(tmp_path):
    save_suggestions(SEEN, tmp_path)
    save_decisions([Decision("no", "accept", "y -> n", "0x1f")], tmp_path)
    assert load_suggestions(tmp_path) == SEEN
    assert load_decisions(tmp_path) == (Decision("no", "accept", "y -> n", "0x1f"),)


def test_a_review_folder_without_decisions_has_none_and_without_suggestions_is_refused(tmp_path):
    assert load_decisions(tmp_path) == ()
    with pytest.raises(UnreadableInput, match="podfence suggest"):
        load_suggestions(tmp_path)


def test_damaged_suggestions_are_refused_naming_the_file(tmp_path):
    (tmp_path / "suggestions.json").write_text("{")
    with pytest.raises(UnreadableInput, match=r"suggestions\.json: not JSON"):
        load_suggestions(tmp_path)


def test_an_export_is_one_object_a_file_and_a_kustomization_of_all_of_them(tmp_path):
    save_policies([_policy(), _policy("db", "data")], tmp_path)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["data/db.yaml", "kustomization.yaml", "shop/web.yaml"]
    assert "- data/db.yaml\n- shop/web.yaml" in (tmp_path / "kustomization.yaml").read_text()


def test_exported_policies_are_read_back_as_they_were(tmp_path):
    save_policies([_policy("a"), _policy("b")], tmp_path)
    assert load_policies([tmp_path]) == ((_policy("a"), _policy("b")), {"Kustomization": 1})


def test_check_names_changed_missing_and_left_over_files_and_writes_nothing(tmp_path):
    save_policies([_policy("a"), _policy("b")], tmp_path)
    assert differing_files([_policy("a"), _policy("b")], tmp_path) == ()
    (tmp_path / "shop" / "a.yaml").write_text("changed")
    assert differing_files([_policy("a"), _policy("c")], tmp_path) == (
        "kustomization.yaml", "shop/a.yaml", "shop/b.yaml", "shop/c.yaml",
    )  # fmt: skip
    assert not (tmp_path / "shop" / "c.yaml").exists()


def test_files_that_an_export_does_not_write_are_named_and_stay(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "own.yaml").write_text("mine")
    assert save_policies([_policy()], tmp_path) == (("kustomization.yaml", "shop/web.yaml"), ("shop/own.yaml",))
    assert (tmp_path / "shop" / "own.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "UP", "a\x00", "x" * 254])
def test_a_name_that_is_no_file_name_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(PodfenceError, match="no name of a namespace or policy"):
        save_policies([_policy("good"), _policy("web", namespace=name)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_for_each_namespace_is_read_back_and_checked_as_its_policies_are(tmp_path):
    layout = Layout(per_namespace=True)
    policies = (_policy("db", "data"), _policy("a"), _policy("b"))
    files, others = save_policies(policies, tmp_path, layout)
    assert (files, others) == (("data.yaml", "kustomization.yaml", "shop.yaml"), ())
    assert load_policies([tmp_path])[0] == policies
    assert differing_files(policies, tmp_path, layout) == ()
    assert differing_files(policies[:2], tmp_path, layout) == ("shop.yaml",)
    assert "data/db.yaml" in differing_files(policies, tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PodfenceError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "x")


def test_a_missing_policy_file_is_one_sentence(tmp_path):
    with pytest.raises(UnreadableInput, match="no such file or folder"):
        load_policies([tmp_path / "absent"])


TEXT = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec: {policyTypes: [Ingress]}\n"


def _stdin(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_policies_come_from_files_of_yaml_and_json_in_folders_and_from_stdin(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yml").write_text(TEXT)
    listed = {"kind": "List", "apiVersion": "v1", "items": [{"kind": "NetworkPolicy", "metadata": {"name": "b"}}]}
    listed["items"][0]["apiVersion"] = "networking.k8s.io/v1"
    (tmp_path / "b.json").write_text(json.dumps(listed))
    (tmp_path / "notes.txt").write_text("{")
    _stdin(monkeypatch, TEXT.replace("a}", "c}").encode())
    loaded = read_policies([tmp_path, "-", "-"], "shop")
    assert [policy.name for policy in loaded.policies] == ["a", "b", "c"]
    assert loaded.assumed == ("shop/a", "shop/b", "shop/c")


def test_a_kustomization_need_not_say_what_it_is(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    (tmp_path / "a.yaml").write_text(TEXT + "---\nkind: Deployment\napiVersion: apps/v1\n")
    loaded = read_policies([tmp_path])
    assert loaded.skipped == {"Deployment": 1, "Kustomization": 1}
    assert [policy.namespace for policy in loaded.policies] == ["default"]


def test_a_policy_that_names_its_namespace_keeps_it(tmp_path):
    (tmp_path / "a.yaml").write_text(TEXT.replace("{name: a}", "{name: a, namespace: data}"))
    loaded = read_policies([tmp_path], "shop")
    assert (loaded.policies[0].namespace, loaded.assumed) == ("data", ())


def test_the_same_policy_in_two_files_counts_once_and_two_that_differ_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(TEXT)
    (tmp_path / "b.yaml").write_text(TEXT)
    assert len(read_policies([tmp_path, tmp_path / "a.yaml"]).policies) == 1
    (tmp_path / "b.yaml").write_text(TEXT.replace("Ingress", "Egress"))
    with pytest.raises(UnreadableInput, match=r"b\.yaml: NetworkPolicy default/a .* that in .*a\.yaml; keep one"):
        read_policies([tmp_path])


def test_cluster_is_a_word_only_where_policies_in_force_are_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_policies(["cluster"], in_force=[_policy("b"), _policy("a")]).policies == (_policy("a"), _policy("b"))
    with pytest.raises(UnreadableInput, match="cluster: no such file or folder"):
        read_policies(["cluster"])
    (tmp_path / "cluster").mkdir()
    assert read_policies(["./cluster"], in_force=[_policy()]).policies == ()


def test_a_namespace_that_is_none_is_one_sentence():
    with pytest.raises(UnreadableInput, match=r"^namespace 'a\\nb' may hold only"):
        read_policies([], "a\nb")


def test_stdin_that_is_no_text_is_one_sentence(monkeypatch):
    _stdin(monkeypatch, b"\xff\xfe")
    with pytest.raises(UnreadableInput, match=r"^stdin: is not UTF-8 text"):
        read_policies(["-"])


def test_a_link_to_nowhere_among_policies_is_refused_and_a_linked_folder_is_counted(tmp_path):
    save_policies([_policy()], tmp_path / "a")
    save_policies([_policy("b")], tmp_path / "b")
    (tmp_path / "a" / "linked").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    found = read_policies([tmp_path / "a"])
    assert [policy.name for policy in found.policies] == ["web"]
    assert found.skipped == {"Kustomization": 1, "linked folder": 2}
    (tmp_path / "a" / "gone.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableInput, match=r"gone\.yaml: cannot be read \(a link to nowhere"):
        read_policies([tmp_path / "a"])


def test_a_folder_that_cannot_be_listed_is_refused_and_not_empty(tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", forbidden)
    with pytest.raises(UnreadableInput, match="Permission denied"):
        read_policies([tmp_path])


def test_a_name_too_long_for_a_file_is_one_sentence():
    with pytest.raises(UnreadableInput, match="cannot be read"):
        read_policies(["a" * 300])


def test_a_file_that_is_no_text_says_so_and_blames_no_permissions(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(UnreadableInput, match="is not UTF-8 text") as fault:
        read_policies([tmp_path])
    assert "permissions" not in str(fault.value)


def test_decisions_that_somebody_else_wrote_meanwhile_are_not_replaced(tmp_path):
    one, other = Decision("a", "accept", "x"), Decision("b", "decline", "y")
    replace_decisions([], [one], tmp_path)
    assert load_decisions(tmp_path) == (one,)
    with pytest.raises(ChangedOnDisk, match="somebody decided meanwhile; nothing was overwritten"):
        replace_decisions([], [other], tmp_path)
    assert load_decisions(tmp_path) == (one,)
    replace_decisions([one], [one, other], tmp_path)
    assert {found.id for found in load_decisions(tmp_path)} == {"a", "b"}


def test_decisions_that_stay_the_same_are_not_written_again(tmp_path):
    save_decisions([Decision("a", "accept", "x")], tmp_path)
    file = tmp_path / "decisions.yaml"
    file.write_text(file.read_text() + "# a remark\n")
    replace_decisions(load_decisions(tmp_path), load_decisions(tmp_path), tmp_path)
    assert file.read_text().endswith("# a remark\n")


def test_decisions_that_are_no_file_are_one_sentence(tmp_path):
    (tmp_path / "decisions.yaml").mkdir()
    with pytest.raises(UnreadableInput, match="no regular file; move it away"):
        load_decisions(tmp_path)
