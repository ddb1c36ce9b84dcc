"""Turns why a connection is allowed or denied into lines for a terminal and into plain data for `--json`."""

from collections.abc import Iterator
from typing import Any

from recommender.manifest_write import to_yaml
from recommender.report.words import plural
from recommender.simulate.explaining import EndExplanation, Explanation, PairExplanation, PolicyFinding
from recommender.simulate.misses import EVERYTHING, RuleFinding

_MOST_BEHIND = 10
_MOST_RULES = 12
"""Rules shown of a policy, nearest first; --json has all."""
_LONGEST = 1000
"""Characters of a line: names are other people's."""
_WORDS: dict[bool | None, str] = {True: "lets it through", False: "does not", None: "perhaps"}


def explanation_lines(found: Explanation) -> Iterator[str]:
    """Yield the verdict, and for each pair both ends with their policies and rules. Texts are not escaped yet."""
    for line in _lines(found):
        yield line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _lines(found: Explanation) -> Iterator[str]:
    yield f"{found.verdict}: {found.src} -> {found.dst} {found.protocol}/{found.port}"
    if found.service:
        count = len(found.behind)
        more = f" and {count - _MOST_BEHIND} more" if count > _MOST_BEHIND else ""
        named = (
            ", ".join(found.behind[:_MOST_BEHIND]) or "nothing that is known, so that it cannot be told who is meant"
        )
        yield f"{found.dst} is the Service {found.service}; behind it: {named}{more}"
    for pair in found.pairs:
        yield from _pair(pair, found, alone=len(found.pairs) == 1)
    if found.omitted:
        yield ""
        yield f"and {found.omitted} more kinds of pods, none of them with a worse verdict"


def _pair(pair: PairExplanation, found: Explanation, *, alone: bool) -> Iterator[str]:
    yield ""
    if not alone or (pair.src, pair.dst, pair.port) != (found.src, found.dst, found.port):
        alike = f" (and {plural(pair.count - 1, 'pair')} of pods like them)" if pair.count > 1 else ""
        yield f"{pair.verdict}: {pair.src} -> {pair.dst} {found.protocol}/{pair.port}{alike}"
    yield from _end(pair.egress)
    yield from _end(pair.ingress)


def _end(end: EndExplanation) -> Iterator[str]:
    way = end.direction.lower()
    if end.isolated:
        count = len(end.policies)
        state = f"isolated by {count} {'policy' if count == 1 else 'policies'}"
    else:
        state = "not isolated" if end.verdict != "undecidable" else "whether it is isolated is not known"
    yield f"{way} of {end.subject}: {end.verdict}; {state}{f' ({end.why})' if end.why else ''}"
    for policy in end.policies:
        yield from _policy(policy, way)
    if end.missing is not None:
        yield f"  missing is one rule, {_home(end)}:"
        yield from (f"    {line}" for line in to_yaml(end.missing).splitlines())
    elif end.verdict == "denied":
        yield "  no rule can name the other end: it has no lasting label and no known address"


def _home(end: EndExplanation) -> str:
    selectors = {policy.name: policy.selector for policy in end.policies}
    if selectors.get(end.belongs_to) == EVERYTHING:
        return f"in a policy that selects it alone ({end.belongs_to} selects every pod of its namespace)"
    return f"for instance in spec of {end.belongs_to}"


def _policy(policy: PolicyFinding, way: str) -> Iterator[str]:
    takes = "selects" if policy.sure else "may select"
    none = f"; it has no {way} rules" if not policy.rules else ""
    yield f"  {policy.name} {takes} it by podSelector {policy.selector}{none}"
    for rule in policy.rules[:_MOST_RULES]:
        yield f"    {rule.name.partition(' ')[2]} {_WORDS[rule.lets]}{_reasons(rule)}"
    if len(policy.rules) > _MOST_RULES:
        yield f"    and {len(policy.rules) - _MOST_RULES} rules farther off, with --json"


def _reasons(rule: RuleFinding) -> str:
    return f": {'; '.join(rule.reasons)}" if rule.reasons else ""


def explanation_data(found: Explanation) -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    return {
        "verdict": found.verdict,
        "src": found.src,
        "dst": found.dst,
        "protocol": found.protocol,
        "port": found.port,
        "service": found.service or None,
        "behind": list(found.behind),
        "omitted": found.omitted,
        "pairs": [
            {
                "src": pair.src,
                "dst": pair.dst,
                "port": pair.port,
                "verdict": pair.verdict,
                "count": pair.count,
                "egress": _end_data(pair.egress),
                "ingress": _end_data(pair.ingress),
            }
            for pair in found.pairs
        ],
    }


def _end_data(end: EndExplanation) -> dict[str, Any]:
    return {
        "subject": end.subject,
        "verdict": end.verdict,
        "isolated": end.isolated,
        "why": end.why,
        "policies": [
            {
                "name": policy.name,
                "selector": policy.selector,
                "sure": policy.sure,
                "rules": [
                    {"name": r.name, "lets": r.lets, "reasons": list(r.reasons), "distance": r.distance}
                    for r in policy.rules
                ],
            }
            for policy in end.policies
        ],
        "missing": None if end.missing is None else {"policy": end.belongs_to, "spec": end.missing},
    }
