"""Drift in words: each list with its count and reasons, and Markdown that no name can break out of."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.inventory import WorkloadRef
from collectors.observation import Observation
from recommender.before_after import Change
from recommender.communications import AddressPeer
from recommender.coverage import coverage
from recommender.drift import Drift, New, Vanished, drift
from recommender.drift_words import drift_data, drift_lines, drift_markdown, headline
from recommender.outcomes import EndVerdict, Outcome
from recommender.suggest import Suggestion, Withheld
from tests.recommender.drawing_cases import HOSTILE
from tests.recommender.simulated import cluster, seen
from tests.recommender.test_drift import API, CLUSTER, DB, JOB, WEB, flow, observed, reviewed

NOTHING = coverage((), cluster(), Observation().window, {})
NAMES = st.one_of(
    st.sampled_from([*HOSTILE, "@root", "![x](http://evil)", "|a|", "`", "``` \n# x", "www.evil.org"]), st.text()
)
FIRST = observed(flow(WEB, API, 80), flow(API, DB, 5432))
SECOND = observed(flow(WEB, API, 80), flow(JOB, DB, 5432), flow(WEB, DB, 5432, outcome="refused"))


def _named(name, *, many=1):
    """Return drift of every kind, with one name everywhere that others can put it."""
    ends = [seen(WorkloadRef(name, name, name), AddressPeer(name, name, name), port, name) for port in range(many)]
    end = EndVerdict("denied", isolated=True, policies=(f"{name}/{name}",), reason=name)
    outcomes = [Outcome(item, "denied", end, end, name) for item in ends]
    items = [Suggestion(name, item, None, None, (), name) for item in ends]
    new = [New(Withheld(item, "not_routed", name), outcome, name) for item, outcome in zip(ends, outcomes, strict=True)]
    new += [New(item, outcome) for item, outcome in zip(items, outcomes, strict=True)]
    changes = tuple(Change(replace(outcome, verdict="allowed"), outcome) for outcome in outcomes)
    gone = tuple(Vanished(item, likely_gone=False, reason=name) for item in items)
    return Drift(NOTHING, tuple(new), tuple(new), gone, changes, changes, ("a source lost packets or events",))


def _outside(markdown):
    """Return a Markdown without what its code spans hold."""
    return re.sub(r"`[^`\n]*`", "``", markdown)


@given(NAMES)
def test_no_name_changes_anything_of_the_markdown_but_what_code_spans_hold(name):
    shown, plain = drift_markdown(_named(name)), drift_markdown(_named("web"))
    assert _outside(shown) == _outside(plain)
    assert not set("<>@[]!&\\\x1b\r") & set(shown)


@given(NAMES)
def test_a_markdown_reader_finds_the_same_tables_whatever_the_names(name):
    reader = pytest.importorskip("markdown_it", reason="there is no markdown-it-py to read it with")

    def tokens(markdown):
        parsed = reader.MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
        return [(token.type, [child.type for child in token.children or ()]) for token in parsed]

    found = tokens(drift_markdown(_named(name)))
    assert found == tokens(drift_markdown(_named("web")))
    kinds = {kind for token, children in found for kind in (token, *children)}
    assert "table_open" in kinds
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "fence", "code_block"}


def test_markdown_and_text_stay_short_however_much_drifted():
    found = _named("n" * 9000, many=300)
    markdown, text = drift_markdown(found), [*drift_lines(found)]
    assert len(markdown) < 60_000
    assert "and 580 more, with `--json`" in markdown
    assert "and 280 more, with `--json`" in markdown
    assert len(text) < 1000
    assert max(map(len, text)) <= 2000
    assert "  and 550 more, with --json" in text


def test_why_an_absence_proves_nothing_is_cut_in_the_text_and_whole_in_json():
    found = _named("n" * 2500)
    assert max(len(line) for line in drift_lines(replace(found, new=(), widened=(), would_break=(), known=()))) <= 500
    assert drift_data(found, drifted=True)["vanished"][0]["reason"] == "n" * 2500


@given(NAMES)
def test_json_holds_everything_and_is_json(name):
    data = json.loads(json.dumps(drift_data(_named(name), drifted=True)))
    assert data["drift"] is True
    assert [len(data[key]) for key in ("new", "widened", "would_break", "known_would_break", "vanished")] == [
        2,
        2,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([flow(WEB, API, 80), flow(API, DB, 5432)], "no drift"),
        ([flow(WEB, API, 80)], "1 vanished"),
        ([flow(WEB, API, 80), flow(API, DB, 5432), flow(JOB, WEB, 80)], "1 new communication"),
        ([flow(JOB, API, 80), flow(JOB, API, 81)], "2 new communications, 2 would be denied, 2 vanished"),
    ],
)
def test_the_headline_counts_what_there_is(rows, said):
    found = drift(reviewed(FIRST), observed(*rows), CLUSTER)
    assert headline(found) == said
    assert next(drift_lines(found)) == f"drift           {said}"
    assert drift_markdown(found).startswith(f"## podfence drift: {said}\n")


def test_the_text_tells_each_with_its_reason_and_by_workload():
    text = "\n".join(drift_lines(drift(reviewed(FIRST), SECOND, CLUSTER)))
    assert text.startswith(
        """\
drift           2 new communications, 1 would be denied, 1 vanished
observed        2026-11-01 11:00:00 to 2026-11-02 11:00:00 UTC (1 day watched), 3 communications, learning
approved        2 communications, 3 policies

new: in no suggestion of the review: 2
  + shop/Deployment/job -> shop/Deployment/db TCP/5432
      suggested; approved policies: denied
      1 connection to port 5432; the handshake was seen.
  + shop/Deployment/web -> shop/Deployment/db TCP/5432
      withheld: did not work; approved policies: denied
      no attempt worked (1 refused): evidence against, not for

would be denied: worked, and the approved policies deny it: 1
  ! shop/Deployment/job -> shop/Deployment/db TCP/5432 (not in the review)
      denied: ingress of shop/Deployment/db is isolated by shop/db-podfence and no rule lets TCP/5432 from \
shop/Deployment/job in

vanished: approved, and not seen to work: 1
  - shop/Deployment/api -> shop/Deployment/db TCP/5432 (proves nothing)
"""
    )
    assert text.endswith(
        """
by workload:
  ingress of shop/Deployment/db: 2 new, 1 would be denied
  egress of shop/Deployment/job: 1 new, 1 would be denied
  egress of shop/Deployment/web: 1 new, 0 would be denied"""
    )


def test_the_markdown_is_a_few_tables():
    markdown = drift_markdown(drift(reviewed(FIRST), SECOND, CLUSTER))
    assert (
        markdown
        == """\
## podfence drift: 2 new communications, 1 would be denied, 1 vanished

Observed: 2026-11-01 11:00:00 to 2026-11-02 11:00:00 UTC (1 day watched), 3 communications, learning. \
Approved: 2 communications, 3 policies.

### New (2)

| from | to | port | podfence | approved policies |
| --- | --- | --- | --- | --- |
| `shop/Deployment/job` | `shop/Deployment/db` | `TCP/5432` | suggested | denied |
| `shop/Deployment/web` | `shop/Deployment/db` | `TCP/5432` | withheld: did not work | denied |

### Would be denied (1)

| from | to | port | review | denied by |
| --- | --- | --- | --- | --- |
| `shop/Deployment/job` | `shop/Deployment/db` | `TCP/5432` | not in it | `shop/db-podfence` |

### Vanished (1)

| from | to | port | its absence |
| --- | --- | --- | --- |
| `shop/Deployment/api` | `shop/Deployment/db` | `TCP/5432` | proves nothing |

### By workload (3)

| workload | direction | new | would be denied |
| --- | --- | --- | --- |
| `shop/Deployment/db` | ingress | 2 | 1 |
| `shop/Deployment/job` | egress | 1 | 1 |
| `shop/Deployment/web` | egress | 1 | 0 |
"""
    )


def test_what_absence_does_not_prove_is_said_once_for_all():
    lossy = replace(SECOND, window=replace(SECOND.window, sources=(replace(SECOND.window.sources[0], drops=3),)))
    found = drift(reviewed(FIRST), lossy, CLUSTER)
    assert [*drift_lines(found)].count("  absence proves nothing here: a source lost packets or events") == 1
    assert "\nAbsence proves nothing here: a source lost packets or events.\n" in drift_markdown(found)


def test_nothing_observed_is_said_plainly():
    found = drift(reviewed(Observation()), Observation(), CLUSTER)
    assert [*drift_lines(found)] == [
        "drift           no drift", "observed        nothing", "approved        0 communications, 0 policies",
    ]  # fmt: skip
    assert drift_data(found, drifted=False)["observed"]["start"] is None
