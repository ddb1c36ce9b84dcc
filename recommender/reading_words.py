"""Turns what was read into words: packets of captures, records of flow logs, and what could not be used of either."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.inputs import CAPTURES
from collectors.observation import LIVE, Observation, ObservationWindow, Source
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
    """Return the sources by name, each with how much it has and, of a log, as what it was read."""
    named = [
        f"{one.name} ({one.packets} packets)" if is_capture(one) else f"{one.name} ({one.packets} {one.kind} records)"
        for one in sources
    ]
    return some(named, _SHOWN) or "none"


def window_text(window: ObservationWindow) -> str:
    """Return when something was observed, and for how long."""
    start, end = window.start, window.end
    if start is None or end is None:
        return "nothing was observed"
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC ({(end - start).total_seconds():.0f} s)"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts by name in a line."""
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def observed_data(observation: Observation) -> dict[str, Any]:
    """Return what was read as the plain data that --json prints; `packets` counts the records of logs, too."""
    window, ledger = observation.window, observation.ledger
    return {
        "packets": sum(source.packets for source in window.sources),
        "rows": len(observation.flows),
        "connections": int(observation.flows["connections"].sum()),
        "ledger": ledger.packet_counts(),
        "events": ledger.event_counts(),
        "window": {
            "start": None if window.start is None else window.start.isoformat(),
            "end": None if window.end is None else window.end.isoformat(),
        },
        "sources": [source.name for source in window.sources],
        "kinds": [source.kind for source in window.sources],
    }


def observed_text(observation: Observation) -> str:
    """Return what was read as lines for a terminal."""
    window, ledger = observation.window, observation.ledger
    connections = int(observation.flows["connections"].sum())
    rows = [
        ("sources", inputs_text(window.sources)),
        ("window", window_text(window)),
        ("read", amounts(window.sources)),
        ("in flows", f"{len(observation.flows)} rows, {connections} connections"),
        ("in no flow", counts_text(ledger.packet_counts())),
        *(("", example) for example in _examples(observation)),
        ("input faults", counts_text(ledger.event_counts())),
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
    for source in observation.window.sources:
        malformed = observation.ledger.packets.get((source.name, "malformed"))
        if not is_capture(source) and malformed is not None and malformed.count == source.packets:
            yield (
                f"none of the {_counted(source.packets, 'record')} of {source.name} could be read as {source.kind}: "
                "leave --format away, or name another one"
            )


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
