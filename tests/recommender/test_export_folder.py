"""What is in a folder of exported policies, and that nothing else than podfence's own files is ever removed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from recommender.export_folder import leftovers, prune, texts
from recommender.manifest import policy_to_yaml
from recommender.policy import INGRESS, MANAGED_BY, LabelSelector, NetworkPolicy

OURS = policy_to_yaml(NetworkPolicy("shop", "a", LabelSelector(), (INGRESS,), labels=(MANAGED_BY,)))
ALSO_OURS = policy_to_yaml(NetworkPolicy("shop", "b", LabelSelector(), (INGRESS,), labels=(MANAGED_BY,)))
THEIRS = policy_to_yaml(NetworkPolicy("shop", "c", LabelSelector(), (INGRESS,)))
OTHER = "apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: {app.kubernetes.io/managed-by: podfence}}\n"
CONTENTS = {
    "ours": (OURS, True),
    "two": (f"{OURS}---\n{ALSO_OURS}", True),
    "theirs": (THEIRS, False),
    "mixed": (f"{OURS}---\n{THEIRS}", False),
    "with a service": (f"{OURS}---\n{OTHER}", False),
    "service": (OTHER, False),
    "empty": ("", False),
    "broken": ("a: [", False),
    "comment": ("# app.kubernetes.io/managed-by: podfence\n", False),
    "not utf-8": (b"\xff\xfe" + OURS.encode(), False),
}


def _write(folder, name, content):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def _files(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


names = st.sampled_from(
    ["a.yaml", "shop/a.yaml", "shop/b.yml", "x/y/z.yaml", "shop/a.json", "shop/a.yaml.bak", "READ.md"]
)


@given(st.dictionaries(names, st.sampled_from(sorted(CONTENTS)), max_size=7), st.sets(names))
def test_what_is_removed_is_yaml_of_podfence_alone_that_is_not_wanted(tmp_path_factory, files, wanted):
    folder = tmp_path_factory.mktemp("out")
    for name, word in files.items():
        _write(folder, name, CONTENTS[word][0])
    gone = {n for n, word in files.items() if n not in wanted and CONTENTS[word][1] and n.endswith(("yaml", "yml"))}
    told = leftovers(folder, wanted)
    assert _files(folder) == set(files)
    assert {one.name for one in told if one.ours} == gone
    assert prune(folder, wanted) == told
    assert _files(folder) == files.keys() - gone
    assert {one.name for one in told} == {n for n in files if n not in wanted and n.endswith((".yaml", ".yml"))}


def test_no_link_is_followed_out_of_the_folder_and_no_link_is_removed(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "out"
    _write(outside, "shop/a.yaml", OURS)
    folder.mkdir()
    (folder / "shop").symlink_to(outside / "shop")
    (folder / "a.yaml").symlink_to(outside / "shop" / "a.yaml")
    (folder / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    told = {one.name: one.why for one in prune(folder, ())}
    assert told == {"a.yaml": "no regular file", "dangling.yaml": "no regular file"}
    assert (_files(outside), _files(folder)) == ({"shop/a.yaml"}, {"a.yaml", "dangling.yaml"})
    assert (folder / "shop").is_symlink()


def test_the_folder_itself_may_be_a_link(tmp_path):
    _write(tmp_path / "real", "shop/a.yaml", OURS)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [(one.name, one.ours) for one in prune(tmp_path / "link", ())] == [("shop/a.yaml", True)]
    assert _files(tmp_path / "real") == set()


def test_a_pipe_keeps_nobody_waiting_and_stays(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    assert [one.why for one in prune(tmp_path, ())] == ["no regular file"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert prune(tmp_path / "absent", ()) == ()
    assert texts(tmp_path / "absent", ["a.yaml"]) == {}


def test_a_wanted_file_that_is_no_text_is_named(tmp_path):
    _write(tmp_path, "a.yaml", b"\xff")
    with pytest.raises(UnreadableInput, match=r"a\.yaml: cannot be read"):
        texts(tmp_path, ["a.yaml"])
