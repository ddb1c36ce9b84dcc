import re
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.errors import PodfenceError
from recommender.cni_checks import CHECKS, KINDS
from recommender.cni_profiles import PROFILES, Profile, profile

DOCS = Path(__file__).parents[2] / "docs" / "cni.md"
TRAITS = [(name, trait, found) for name, each in PROFILES.items() for trait, found in each.traits]


def test_every_implementation_has_its_profile_under_its_name():
    assert set(PROFILES) == {"cilium", "calico", "aws-vpc-cni", "kube-router", "antrea", "ovn-kubernetes"}
    assert all(profile(name) is found and found.name == name and found.title for name, found in PROFILES.items())


@pytest.mark.parametrize(("name", "trait", "found"), TRAITS)
def test_every_trait_has_a_sentence_and_an_https_source_that_the_docs_give(name, trait, found):
    assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", found.source), (name, trait)
    assert re.fullmatch(r"\S.*[^.]\.", found.sentence), (name, trait)
    assert f"]({found.source})" in DOCS.read_text(), (name, trait)


def test_every_trait_belongs_to_the_project_it_is_told_of():
    owners = {
        "cilium": ("cilium",), "calico": ("projectcalico",), "aws-vpc-cni": ("aws", "kubernetes"),
        "kube-router": ("cloudnativelabs",), "antrea": ("antrea-io",), "ovn-kubernetes": ("ovn",),
    }  # fmt: skip
    for name, trait, found in TRAITS:
        assert any(re.search(rf"[/.]{owner}", found.source) for owner in owners[name]), (name, trait)


@pytest.mark.parametrize("name", ["", "flannel", "Cilium", "evil\x1b[2J\n" + "x" * 500])
def test_an_unknown_name_is_one_sentence_with_the_names_there_are(name):
    with pytest.raises(PodfenceError) as caught:
        profile(name)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 250
    assert text.endswith("antrea, aws-vpc-cni, calico, cilium, kube-router, ovn-kubernetes")


def test_every_kind_of_warning_rests_on_a_trait_of_some_profile():
    assert tuple(CHECKS) == KINDS
    for check in CHECKS.values():
        assert any(getattr(found, check.trait) is not None for found in PROFILES.values())
        assert check.trait in Profile.__dataclass_fields__


def test_the_docs_explain_every_kind_of_warning():
    explained = DOCS.read_text().partition("\n## The warnings\n")[2]
    assert re.findall(r"^### (\S+)$", explained, re.MULTILINE) == list(KINDS)


def test_the_names_are_known_without_loading_pandas():
    asked = "import sys; import recommender.cni_profiles; print([m for m in ('pandas', 'yaml') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
