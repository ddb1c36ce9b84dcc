"""Turns what the ends say of a connection into sentences that lack only names: written once, filled in for many."""

from recommender.outcomes import EndVerdict, VerdictWord
from recommender.policy import EGRESS, INGRESS, PolicyType
from recommender.simulate.court import EndFinding

_MOST_NAMED = 3
"""Policies or rules named in a sentence before it says how many more there are."""
_SRC, _DST, _PORT, _SRC_POD, _DST_POD = "{0}", "{1}", "{2}", "{3}", "{4}"


def in_words(direction: PolicyType, finding: EndFinding) -> EndVerdict:
    """Put one end's finding into words; `reason` is a format text for source, destination and protocol/port."""
    subject, other = (_DST, _SRC) if direction == INGRESS else (_SRC, _DST)
    way = "in" if direction == INGRESS else "out"
    link = "from" if direction == INGRESS else "to"
    if finding.why and not (finding.verdict == "allowed" and finding.rules):
        reason = finding.why.format(subject=subject, other=other, port=_PORT)
        if "{subject}" not in finding.why:
            reason = f"{direction.lower()} of {subject}: {reason}"
    elif finding.verdict == "denied":
        reason = (
            f"{direction.lower()} of {subject} is isolated by {_named(finding.policies)} "
            f"and no rule lets {_PORT} {link} {other} {way}"
        )
    elif finding.isolated:
        reason = f"{_named(finding.rules)} lets {_PORT} {link} {other} {way}"
    else:
        reason = f"{direction.lower()} of {subject} is not isolated"
    return EndVerdict(finding.verdict, finding.isolated, finding.policies, finding.rules, reason)


def sentence(verdict: VerdictWord, egress: EndFinding, ingress: EndFinding, *, instance: bool) -> str:
    """Write a format text of what decides, for source, destination, protocol/port, and a pod of either end.

    `instance`: the ends have several pods, and the two of which it is so are named unless it is so of all.
    """
    ends = (in_words(EGRESS, egress), in_words(INGRESS, ingress))
    decisive = [end.reason for end in ends if end.verdict == verdict] or [end.reason for end in ends]
    pods = f" (for instance {_SRC_POD} to {_DST_POD})" if instance and verdict != "allowed" else ""
    return f"{verdict}: {'; '.join(decisive)}{pods}"


def _named(names: tuple[str, ...]) -> str:
    # a name is not ours: its braces must not be taken for a place to fill in
    shown = ", ".join(names[:_MOST_NAMED]).replace("{", "{{").replace("}", "}}")
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
