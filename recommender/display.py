"""Turns podfence's values into what a notebook shows of them: a sentence, a small table, everything escaped.

Where IPython runs, values are shown so by themselves (`display_ipython`); `show` does it for tuples, and everywhere.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.errors import PodfenceError, one_line
from collectors.inventory import Inventory
from collectors.observation import Observation
from collectors.stored_observation import rows_of
from recommender import display_tables as tables
from recommender.communications import AddressPeer, Communication
from recommender.coverage_model import Coverage
from recommender.coverage_words import coverage_rows
from recommender.desk import Change, Desk
from recommender.display_style import STYLE
from recommender.outcomes import Excess, Outcome
from recommender.policy import NetworkPolicy
from recommender.reading_words import amounts
from recommender.report.markup import Html, join, tag
from recommender.report.tables import ledger_table, table, time
from recommender.report.words import plural, size
from recommender.review import Decision, Reviewed
from recommender.suggest import Suggestion, Suggestions, Withheld
from recommender.summary import Conclusion, summary_text
from recommender.text import visible
from recommender.what_if import WhatIf, what_if

_LONGEST = 2000
Part = tuple[str, Html | None]
"""A sentence, and what stands below it."""


@dataclass(frozen=True, repr=False)
class Shown:
    """Something as a notebook shows it; a terminal shows its words."""

    part: Html
    words: str

    def _repr_html_(self) -> str:
        return tag("div", tag("style", Html(STYLE)), self.part, class_="podfence")

    def __repr__(self) -> str:
        return "\n".join(visible(line) for line in self.words[:_LONGEST].splitlines())


def show(value: Any) -> Shown:
    """Return any of podfence's values, or a tuple of them, as a notebook shows it.

    Raises PodfenceError for anything else.
    """
    words, below = _part(value)
    return Shown(join([tag("p", words), below]), words)


def html_of(value: Any) -> str:
    """Return the markup that a notebook shows of a value."""
    return show(value)._repr_html_()


def words_of(value: Any) -> str:
    """Return the sentence that a terminal shows of a value."""
    # IPython asks this of each one in a tuple: their tables are not made for it
    return repr(Shown(Html(), _line_of(value) if type(value) in _SERIES else _part(value)[0]))


def _part(value: Any) -> Part:
    if isinstance(value, (tuple, list)):
        return _several(tuple(value))
    for kind, part in _PARTS.items():
        if isinstance(value, kind):
            return part(value)
    if type(value) in _SERIES:
        return _line_of(value), _SERIES[type(value)][1]((value,))
    name = one_line(type(value).__name__, 60)
    raise PodfenceError(f"podfence shows no {name}: give `show` one of its own values, or a tuple of them")


def _several(values: tuple[Any, ...]) -> Part:
    kinds = {type(value) for value in values}
    if not kinds:
        return "nothing", None
    kind = next(iter(kinds))
    if len(kinds) > 1 or kind not in _SERIES:
        names = one_line(", ".join(sorted(found.__name__ for found in kinds)), 120)
        raise PodfenceError(f"podfence shows no tuple of {names}: give `show` values of one kind, such as outcomes")
    (one, many), listed = _SERIES[kind]
    counts = tables.counted(Counter(value.verdict for value in values).items()) if kind is Outcome else ""
    return plural(len(values), one, many) + (f": {counts}" if counts else ""), listed(values)


def _line_of(value: Any) -> str:
    if isinstance(value, NetworkPolicy):
        return tables.cut(f"{value.namespace}/{value.name}, {' and '.join(value.policy_types)}")
    if isinstance(value, Excess):
        return tables.cut(f"{value.subject} {value.direction} {value.peer} {value.ports}, by {value.rule}")
    if isinstance(value, Decision):
        return tables.cut(f"{value.choice} {value.id} ({value.what})")
    about = value if isinstance(value, Communication) else value.communication
    verdict = f": {value.verdict}" if isinstance(value, Outcome) else ""
    return tables.cut(f"{about}{verdict}")


def _observation(value: Observation) -> Part:
    window, ledger = value.window, value.ledger
    packets = sum(source.packets for source in window.sources)
    flows, sources = plural(rows_of(value), "flow"), plural(len(window.sources), "source")
    words = f"{amounts(window.sources)} of {sources}, {time(window.start)} – {time(window.end)} (UTC): {flows}"
    lost = [f"{window.drops:,} dropped by the sources"] if window.drops else []
    lost += [plural(len(window.gaps), "gap")] if window.gaps else []
    rows = [
        (tag("bdi", tables.cut(s.name)), s.kind, f"{s.packets:,}", size(s.size), time(s.start), time(s.end))
        for s in window.sources[: tables.ROWS]
    ]
    head = ("Source", "Kind", "Packets or records", "Size", "First", "Last")
    return ", ".join([words, *lost]), join([
        table(head, rows, "sources", numbers=(2, 3)),
        tables.left_out(window.sources, "sources", "`.window.sources`"),
        ledger_table(ledger.packet_counts(), packets - ledger.packets_total()),
        tag("p", "`.flows` is the frame of all flows.", class_="dim"),
    ])  # fmt: skip


def _inventory(value: Inventory) -> Part:
    counted = [
        plural(len(value.pods), "pod"), plural(len(value.workloads), "workload"),
        plural(len(value.current_services), "Service"), plural(len(value.nodes), "node"),
        plural(len(value.namespaces), "namespace"), plural(len(value.policies), "policy", "policies"),
    ]  # fmt: skip
    missing = [(tag("bdi", tables.cut(kind)), tables.cut(why)) for kind, why in sorted(value.missing.items())]
    below = table(("Not listed", "Why"), missing, "kinds that are missing") if missing else None
    return ", ".join(counted), below


def _suggestions(value: Suggestions) -> Part:
    whys = Counter(item.why for item in value.withheld)
    withheld = tables.counted(sorted(whys.items()))
    words = f"{plural(len(value.items), 'suggestion')}; withheld: {withheld}"
    return words, tables.suggestions_table(value.items, {}, {})


def _reviewed(value: Reviewed) -> Part:
    chosen = {item.id: "accepted" for item in value.accepted} | {item.id: "declined" for item in value.declined}
    counts = {
        name: len(getattr(value, name)) for name in ("accepted", "declined", "undecided", "stale", "orphans")
    }  # fmt: skip
    half = len(value.half_decided)
    more = f"; {plural(half, 'workload direction')} half decided" if half else ""
    ordered = sorted(value.suggestions.items, key=lambda item: item.id in chosen)  # what is open stands first
    with_caveats = {item.id: item for item in (*value.accepted, *value.declined)}
    items = [with_caveats.get(item.id, item) for item in ordered]
    decisions = {key: decision for key, decision in value.decisions.items() if key in chosen}
    words = f"{plural(len(items), 'suggestion')}: {tables.counted(counts.items())}{more}"
    return words, tables.suggestions_table(items, chosen, decisions)


def _desk(value: Desk) -> Part:
    words, below = _reviewed(value.reviewed)
    return f"{words}; {what_if(value.reviewed)}", below


def _change(value: Change) -> Part:
    skipped = f", {value.skipped:,} passed over as decided before" if value.skipped else ""
    after = [decision for _, decision in value.changed.values() if decision is not None]
    gone = len(value.changed) - len(after)
    back = f", {gone:,} without a decision now" if gone else ""
    return f"{value.did}: {plural(len(value.changed), 'decision')}{skipped}{back}", tables.decisions_table(after)


def _coverage(value: Coverage) -> Part:
    (_, first), *rest = coverage_rows(value)
    return f"coverage: {first}", join([tag("p", text) for _, text in rest])


def _conclusion(value: Conclusion) -> Part:
    words, _ = _reviewed(value.reviewed)
    return words, tag("pre", join(summary_text(value).splitlines(), Html("\n")))


def _what_if(value: WhatIf) -> Part:
    return str(value), None


def _address(value: AddressPeer) -> Part:
    return tables.cut(str(value)), None


_PARTS: Mapping[type, Callable[[Any], Part]] = {
    Observation: _observation, Inventory: _inventory, Suggestions: _suggestions, Reviewed: _reviewed, Desk: _desk,
    Change: _change, Coverage: _coverage, Conclusion: _conclusion, WhatIf: _what_if, AddressPeer: _address,
    Shown: lambda value: (value.words, value.part),
}  # fmt: skip
"""What is shown of each kind of value."""

_Listed = tuple[tuple[str, str], Callable[[tuple[Any, ...]], Html]]
_SERIES: Mapping[type, _Listed] = {
    Communication: (("communication", ""), tables.communications_table),
    Suggestion: (("suggestion", ""), lambda values: tables.suggestions_table(values, {}, {})),
    Withheld: (("withheld communication", ""), tables.withheld_table),
    Outcome: (("outcome", ""), tables.outcomes_table),
    Excess: (("opening that nothing accepted needs", "openings that nothing accepted needs"), tables.surplus_table),
    Decision: (("decision", ""), tables.decisions_table),
    NetworkPolicy: (("policy", "policies"), tables.policies_list),
}
"""What a tuple is made of: its nouns, and its list."""
