"""Turns suggestions into the plain data of suggestions.json and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from collectors.errors import NewerArtefact, UnreadableInput
from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, End, Evidence
from recommender.policy import LabelSelector, Requirement
from recommender.suggest import Suggestion, Suggestions, Withheld
from recommender.workload import Subject

KIND, VERSION = "podfence/suggestions", 1
_EVIDENCE = tuple(field.name for field in fields(Evidence))


def suggestions_to_data(suggestions: Suggestions) -> dict[str, Any]:
    """Return plain data: lists, dicts, text and numbers, in a fixed order."""
    return {
        "kind": KIND,
        "version": VERSION,
        "window": {"start": _time_text(suggestions.window_start), "end": _time_text(suggestions.window_end)},
        "subjects": [
            _subject_data(subject) for subject in sorted(set(suggestions.subjects.values()), key=lambda s: s.first)
        ],
        "suggestions": [
            {
                "id": item.id,
                **_communication_data(item.communication),
                "ingress_of": _end_data(item.ingress_of),
                "egress_of": _end_data(item.egress_of),
                "caveats": list(item.caveats),
                "reason": item.reason,
            }
            for item in suggestions.items
        ],
        "withheld": [
            {"why": item.why, "reason": item.reason, **_communication_data(item.communication)}
            for item in suggestions.withheld
        ],
    }


def suggestions_from_data(data: Any, where: str) -> Suggestions:
    """Return the suggestions that `suggestions_to_data` wrote; raises UnreadableInput or NewerArtefact."""
    if not isinstance(data, Mapping) or data.get("kind") != KIND or not isinstance(data.get("version"), int):
        raise UnreadableInput(f"{where}: this is no suggestions file; write one with `podfence suggest`")
    if data["version"] > VERSION:
        raise NewerArtefact(
            f"{where}: written as version {data['version']}, this podfence reads up to {VERSION}; upgrade podfence"
        )
    try:
        return _suggestions(data)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise UnreadableInput(f"{where}: damaged ({fault!r}); write it again with `podfence suggest`") from fault


def _suggestions(data: Mapping[str, Any]) -> Suggestions:
    subjects = [_subject(entry) for entry in data["subjects"]]
    ends: _Ends = {}
    return Suggestions(
        items=tuple(
            Suggestion(
                entry["id"],
                _communication(entry, ends),
                _workload(entry["ingress_of"], ends),
                _workload(entry["egress_of"], ends),
                tuple(entry["caveats"]),
                entry["reason"],
            )
            for entry in data["suggestions"]
        ),
        withheld=tuple(
            Withheld(_communication(entry, ends), entry["why"], entry["reason"]) for entry in data["withheld"]
        ),
        window_start=_time(data["window"]["start"]),
        window_end=_time(data["window"]["end"]),
        subjects={ref: subject for subject in subjects for ref in subject.members},
    )


def _time_text(time: pd.Timestamp | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(text: str | None) -> pd.Timestamp | None:
    return None if text is None else pd.Timestamp(text)


def _end_data(end: End | None) -> dict[str, str] | None:
    return None if end is None else asdict(end)


_Ends = dict[tuple[tuple[str, str], ...], End]
"""Each end once, by what is written of it: a million communications have some thousands."""


def _end(data: Mapping[str, str], ends: _Ends) -> End:
    key = tuple(data.items())
    if key not in ends:
        ends[key] = WorkloadRef(**data) if "namespace" in data else AddressPeer(**data)
    return ends[key]


def _workload(data: Mapping[str, str] | None, ends: _Ends) -> WorkloadRef | None:
    found = None if data is None else _end(data, ends)
    if isinstance(found, AddressPeer):
        raise TypeError(f"{found.address} is no workload")
    return found


def _communication_data(communication: Communication) -> dict[str, Any]:
    evidence = {name: getattr(communication.evidence, name) for name in _EVIDENCE}
    evidence["first_seen"] = _time_text(communication.evidence.first_seen)
    evidence["last_seen"] = _time_text(communication.evidence.last_seen)
    return {
        "src": _end_data(communication.src),
        "dst": _end_data(communication.dst),
        "protocol": communication.protocol,
        "port": communication.port,
        "notes": list(communication.notes),
        "evidence": evidence,
    }


def _communication(entry: Mapping[str, Any], ends: _Ends) -> Communication:
    told = entry["evidence"]
    values = {name: _frozen(told[name]) for name in _EVIDENCE if name in told}
    values["first_seen"], values["last_seen"] = pd.Timestamp(values["first_seen"]), pd.Timestamp(values["last_seen"])
    notes = tuple(entry["notes"])
    return Communication(
        _end(entry["src"], ends),
        _end(entry["dst"], ends),
        entry["protocol"],
        int(entry["port"]),
        Evidence(**values),
        notes,
    )


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _subject_data(subject: Subject) -> dict[str, Any]:
    return {
        "members": [asdict(ref) for ref in subject.members],
        "selector": None if subject.selector is None else asdict(subject.selector),
        "reason": subject.reason,
        "named_ports": [list(port) for port in subject.named_ports],
    }


def _subject(entry: Mapping[str, Any]) -> Subject:
    selector = entry["selector"]
    return Subject(
        tuple(WorkloadRef(**ref) for ref in entry["members"]),
        None
        if selector is None
        else LabelSelector(
            tuple((key, value) for key, value in selector["match_labels"]),
            tuple(Requirement(e["key"], e["operator"], tuple(e["values"])) for e in selector["match_expressions"]),
        ),
        entry["reason"],
        tuple((str(protocol), int(number), str(name)) for protocol, number, name in entry.get("named_ports", ())),
    )
