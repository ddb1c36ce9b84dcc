"""Turns what was read into words: packets of captures, records of flow logs, and what could not be used of either."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from collectors.adding import Added
from collectors.inputs import CAPTURES
from collectors.observation import LIVE, Gap, Observation, ObservationWindow, Source
from recommender.phrases import duration
from recommender.text import cut, some

_SHOWN = 5
"""Inputs, files and examples that are named of each kind."""
_LONGEST = 200
"""Characters of an example."""
_NOT_READ = ("malformed", "truncated", "incomplete", "no_end")
"""Classes of the ledger of which a line shows where they were: something may be wrong with the input."""


def is_capture(source: Source) -> bool:
    """Return whether packets were counted, and not records."""
    return source.kind in CAPTURES or is_live(source)


def is_live(source: Source) -> bool:
    """Return whether podfence captured it: of streams only those packets that tell who began and what came of it."""
    return source.kind == LIVE


def units(sources: Iterable[Source]) -> str:
    """Return what was counted of some sources: packets, records, or both."""
    return " and ".join(sorted({"packets" if is_capture(source) else "records" for source in sources})) or "packets"


def amounts(sources: Iterable[Source]) -> str:
    """Return how much was read of some sources, as in "5,281 packets and 1 record"."""
    listed = list(sources)
    packets = sum(source.packets for source in listed if is_capture(source))
    records = sum(source.packets for source in listed if not is_capture(source))
    parts = [_counted(packets, "packet")] if packets or not records else []
    return " and ".join([*parts, *([_counted(records, "record")] if records else [])])


def inputs_text(sources: Iterable[Source]) -> str:
    """Return the sources by name, each with how much it has, and as what it was read where that is no capture file."""
    return some([f"{one.name} ({_amount(one)})" for one in sources], _SHOWN) or "none"


def _amount(source: Source) -> str:
    if is_live(source):
        return f"live, {_counted(source.packets, 'packet')}"
    return _counted(source.packets, "packet" if is_capture(source) else f"{source.kind} record")


def window_text(window: ObservationWindow) -> str:
    """Return when something was observed, and for how long."""
    start, end = window.start, window.end
    if start is None or end is None:
        return "nothing was observed"
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC ({duration((end - start).round('s'))})"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts by name in a line."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def faults_text(observation: Observation) -> str:
    """Return what happened to inputs as a whole in a line; of gaps how many there are and what they cost."""
    counts = observation.ledger.event_counts()
    lost, gaps = counts.pop("gap", 0), observation.window.gaps
    told = [_gaps_text(gaps) if gaps else f"{lost:,} gap"] if lost or gaps else []
    return ", ".join([*told, *([counts_text(counts)] if counts else [])]) or "none"


def _gaps_text(gaps: Collection[Gap]) -> str:
    known = [gap.lost for gap in gaps if gap.lost is not None]
    lost = f"{sum(known):,} lost"
    if len(known) < len(gaps):
        lost = f"at least {lost}" if sum(known) else "not known how many were lost"
    return f"{_counted(len(gaps), 'gap')} ({lost})"


def observed_data(added: Added) -> dict[str, Any]:
    """Return what was read as the plain data that --json prints; `packets` counts the records of logs, too."""
    window, ledger = added.read.window, added.read.ledger
    return {
        "packets": sum(source.packets for source in window.sources),
        "rows": added.facts.rows,
        "connections": added.facts.connections,
        "ledger": ledger.packet_counts(),
        "events": ledger.event_counts(),
        "window": {
            "start": None if window.start is None else window.start.isoformat(),
            "end": None if window.end is None else window.end.isoformat(),
        },
        "sources": [source.name for source in window.sources],
        "kinds": [source.kind for source in window.sources],
    }


def observed_text(added: Added) -> str:
    """Return what was read as lines for a terminal."""
    observation, facts = added.read, added.facts
    window, ledger = observation.window, observation.ledger
    rows = [
        ("sources", inputs_text(window.sources)),
        ("window", window_text(window)),
        ("read", amounts(window.sources)),
        ("in flows", f"{_counted(facts.rows, 'row')}, {_counted(facts.connections, 'connection')}"),
        ("in no flow", counts_text(ledger.packet_counts())),
        *(("", example) for example in _examples(observation)),
        ("input faults", faults_text(observation)),
    ]
    return "\n".join(f"{name:<14} {text}".rstrip() for name, text in rows)


def _examples(observation: Observation) -> Iterator[str]:
    """Yield where the first of each class were that an input should not have."""
    entries = observation.ledger.packets
    for kind in _NOT_READ:
        samples = sorted(sample for (_, name), entry in entries.items() if name == kind for sample in entry.samples)
        if samples:
            source, position, text = samples[0]
            yield cut(f"     {kind}: {source} at {position}{': ' if text else ''}{text}", _LONGEST)


def remarks(observation: Observation) -> Iterator[str]:
    """Yield sentences about inputs of which nothing came: files passed over, and logs that are of another format."""
    files = sorted({source for source, kind in observation.ledger.events if kind == "passed_over"})
    if files:
        yield f"passed over, as no capture and no flow log that is known by its beginning: {some(files, _SHOWN)}"
    unread = sorted({source for source, kind in observation.ledger.events if kind == "unreadable"})
    if unread:
        first = observation.ledger.events[unread[0], "unreadable"].samples[0].text
        yield f"left out, since they cannot be read: {some(unread, _SHOWN)}; of the first: {cut(first, _LONGEST)}"
    for source in observation.window.sources:
        malformed = observation.ledger.packets.get((source.name, "malformed"))
        if not is_capture(source) and malformed is not None and malformed.count == source.packets:
            yield (
                f"none of the {_counted(source.packets, 'record')} of {source.name} could be read as {source.kind}: "
                "leave --format away, or name another one"
            )


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
