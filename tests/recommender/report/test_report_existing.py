"""The page's part on existing policies: every list with its meaning, and names as text only."""

from dataclasses import replace

import pytest

from recommender.communications import meaning
from recommender.existing import compare, existing
from recommender.report import facts
from recommender.report.existing import existing_part
from recommender.report.facts import Facts
from recommender.review import Reviewed
from recommender.suggest import Suggestions

from .shop import API, POSTGRES, shop
from .test_report_hostile import HOSTILE, KNOWN_TAGS
from .test_report_page import Page


def raw(name, namespace, labels=None, **spec):
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": spec}


def into(name, *labels):
    peers = [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": label}}} for label in labels]
    return {"podSelector": {"matchLabels": {"app": name}}, "ingress": [{"from": peers}]}


POLICIES = (
    raw("db", "data", **into("postgres", "api")),
    raw("redis", "data", **into("redis", "api")),
    raw("redis-too", "data", **into("redis", "api")),
    raw(
        "api", "shop", podSelector={"matchLabels": {"app": "api"}}, egress=[{"to": [{"namespaceSelector": {}}]}],
        policyTypes=["Egress"],
    ),
    raw("deny", "monitoring", podSelector={}),
    raw("nobody", "data", **into("gone", "api")),
    raw("later", "data", new=[]),
    raw("old-podfence", "data", {"app.kubernetes.io/managed-by": "podfence"}, **into("queue", "api")),
    raw("web-podfence", "shop", **into("web", "api")),
)  # fmt: skip


@pytest.fixture
def whole():
    conclusion = shop({(API, POSTGRES, 5432): "decline"})
    return replace(conclusion, inventory=replace(conclusion.inventory, policies=POLICIES))


def part_of(conclusion):
    report = compare(conclusion.policies, conclusion.reviewed, conclusion.inventory)
    return existing_part(report, Facts(conclusion).ids)


def test_c26_every_list_that_has_something_is_there_with_its_names(whole):
    page = str(part_of(whole))
    for heading in (
        "Existing policies that cannot be read",
        "Not accepted, kept open by existing rules",
        "Left over from earlier exports",
        "Replaced by name",
        "Newly allowed by the export",
        "Allowed already",
        "Redundant once the export is applied",
        "Existing policies and rules that take no known pod",
    ):
        assert f"<b>{heading}</b>" in page
    assert "kubectl delete networkpolicy --namespace data old-podfence" in page
    assert "data/db ingress[0]" in page
    assert "denied by existing policies and export together" not in page


def test_c26_a_large_page_links_to_each_communication_that_is_newly_allowed(whole, monkeypatch):
    monkeypatch.setattr(facts, "MOST_IN_FULL", 0)
    report = compare(whole.policies, whole.reviewed, whole.inventory)
    found = Facts(whole)
    page = Page(str(existing_part(report, found.ids, found)))
    added = {meaning(communication) for communication in report.added}
    assert added
    assert {f"#{fact.anchor}" for fact in found.all if meaning(fact.communication) in added} <= {*page.links}


def test_c26_a_cluster_without_policies_has_no_such_part():
    assert part_of(shop()) is None


def test_c26_policies_that_could_not_be_listed_are_said_to_be_unknown():
    conclusion = shop()
    inventory = replace(conclusion.inventory, missing={"NetworkPolicy": "forbidden to list"})
    page = str(part_of(replace(conclusion, inventory=inventory)))
    assert "are not known, and so they do not count: forbidden to list" in page


@pytest.mark.parametrize("name", HOSTILE)
def test_c26_names_of_policies_appear_only_as_text(name):
    conclusion = shop()
    policies = (raw(name, name), {"metadata": {"name": "x"}, "spec": {name: {name: name}}})
    inventory = replace(conclusion.inventory, policies=policies, missing={"NetworkPolicy": name})
    assert len(existing(inventory).unread) == 2 or name == "n" * 253
    report = compare((), Reviewed(Suggestions()), inventory)
    page = Page(str(existing_part(report, {})))
    assert {tag for tag, _ in page.tags} <= KNOWN_TAGS
