"""The lines and the plain data on existing policies (semantics C26)."""

import json
from dataclasses import replace

from recommender.existing import compare
from recommender.existing_summary import existing_data, existing_rows
from recommender.review import Reviewed
from recommender.suggest import Suggestions
from tests.recommender.simulated import app
from tests.recommender.test_existing import compared, into
from tests.recommender.unions import SHOP, oriented, raw


def test_c26_an_inventory_that_could_not_list_policies_says_so():
    report = compare([], Reviewed(Suggestions()), replace(SHOP, missing={"NetworkPolicy": "forbidden"}))
    assert list(existing_rows(report)) == [("existing policies", "not known, so that they do not count: forbidden")]
    assert list(existing_rows(compare([], Reviewed(Suggestions()), SHOP))) == []


def test_c26_the_rows_name_every_list_that_has_something_and_shorten_it():
    policies = [raw(**into("db", app("web"))), raw("later", new=1), raw("same", **into("db", app("web")))]
    policies += [raw(f"idle{n}", **into(f"none{n}")) for n in range(7)]
    rows = list(
        existing_rows(compared(policies, [oriented("api", "db"), oriented("web", "db")], ["accept", "decline"]))
    )
    assert [name for name, _ in rows if name] == [
        "existing policies", "unread", "kept open", "added", "redundant", "idle",
    ]  # fmt: skip
    assert ("", "     and 2 more, in the report") in rows
    assert any(text.startswith("     policy shop/") and ", covered by shop/" in text for _, text in rows)
    assert ("kept open", "1    not accepted, kept open by existing rules") in rows


def test_c26_the_plain_data_has_every_list_and_is_json():
    policies = [raw(**into("db", app("web"))), raw("same", **into("db", app("web"))), raw("later", new=1)]
    data = existing_data(compared(policies, [oriented("api", "db"), oriented("web", "db")], ["accept", "decline"]))
    assert json.loads(json.dumps(data)) == data
    assert data["policies"] == ["shop/p", "shop/same"]
    assert data["unread"][0]["name"] == "shop/later"
    assert data["kept_open"] == [
        {
            "communication": "shop/Deployment/web -> shop/Deployment/db TCP/80",
            "decided": "declined",
            "verdict": "allowed",
            "rules": ["shop/p ingress[0]", "shop/same ingress[0]"],
            "stale": False,
        }
    ]
    assert data["added"] == ["shop/Deployment/api -> shop/Deployment/db TCP/80"]
    assert data["redundant"] == [{"name": "shop/p", "whole": True, "always": True, "by": ["shop/same"]}]
    assert data["isolates"] == ["shop/Deployment/db Ingress"]
