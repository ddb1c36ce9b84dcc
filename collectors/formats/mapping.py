"""Turns what a user says of a log's columns into a Mapping: which field each column is, and what its verdicts mean."""

from dataclasses import dataclass
from typing import Any, Final

from collectors.errors import UnreadableInput, one_line

REQUIRED: Final = ("time", "src", "dst", "dst_port", "protocol")
OPTIONAL: Final = (
    "last", "src_port", "packets", "bytes", "reply_packets", "reply_bytes", "connections", "service_ip", "service_port",
    "src_namespace", "src_pod", "dst_namespace", "dst_pod", "reporter", "verdict", "tcp_flags",
)  # fmt: skip
OUTCOMES: Final = ("established", "half_open", "unanswered", "refused", "allowed", "denied", "audited", "unknown")
"""What a verdict's word can mean."""
_WORDS: Final = {
    **{outcome: outcome for outcome in OUTCOMES},
    **dict.fromkeys(("allow", "accept", "accepted", "pass", "passed", "permit", "permitted", "forwarded"), "allowed"),
    **dict.fromkeys(("deny", "drop", "dropped", "block", "blocked", "reject", "rejected"), "denied"),
}
_OTHERS: Final = ("verdicts", "one_of", "source_began", "records", "separator")


@dataclass(frozen=True)
class Mapping:
    """How to read a log of connections; see docs/formats/generic.md.

    `columns` is (field, column), of every REQUIRED field and any OPTIONAL ones; `verdicts` is (word in lower case,
    one of OUTCOMES).
    """

    columns: tuple[tuple[str, str], ...]
    verdicts: tuple[tuple[str, str], ...] = tuple(sorted(_WORDS.items()))
    one_of: int = 1
    """The log keeps one record of so many."""
    source_began: bool = False
    """Each record is a connection, which its source began; else each may be one direction of it."""
    records: str = ""
    """The key of the array of records, where JSON is one object around them."""
    separator: str = ""
    """What stands between the values of text; by default what its first line is separated by."""


def columns_mapping(text: str) -> Mapping:
    """Return the mapping of `--columns`: field=column, with commas between; raises UnreadableInput."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    wrong = next((field for field, equals, column in pairs if not (equals and column.strip())), None)
    if wrong is not None:
        raise _refusal(f"{_quoted(wrong)} names no column", "write field=column, such as src=SourceAddress")
    return document_mapping({"columns": {field.strip(): column.strip() for field, _, column in pairs}})


def document_mapping(document: Any) -> Mapping:
    """Return the mapping of a document, as YAML or JSON gives it; raises UnreadableInput."""
    if not isinstance(document, dict) or not isinstance(document.get("columns"), dict):
        raise _refusal("it has no `columns`", "write a line for each field below it, such as `src: SourceAddress`")
    _known(document, ("columns", *_OTHERS), "settings")
    columns = document["columns"]
    _known(columns, (*REQUIRED, *OPTIONAL), "fields")
    for field in REQUIRED:
        if field not in columns:
            raise _refusal(f"no column is named for {field}", f"every log needs {', '.join(REQUIRED)}")
    return Mapping(
        tuple(sorted((field, _text(field, column)) for field, column in columns.items())),
        _verdicts(document.get("verdicts") or {}),
        _whole(document.get("one_of", 1)),
        source_began=_boolean(document.get("source_began", False)),
        records=_text("records", document["records"]) if "records" in document else "",
        separator=_separator(document["separator"]) if "separator" in document else "",
    )


def _known(found: dict[Any, Any], names: tuple[str, ...], what: str) -> None:
    for name in found:
        if name not in names:
            raise _refusal(f"{_quoted(name)} is not one of the {what}", f"these are {', '.join(names)}")


def _verdicts(words: Any) -> tuple[tuple[str, str], ...]:
    """Return what words mean: those given, and those that nobody reads otherwise."""
    if not isinstance(words, dict):
        raise _refusal("`verdicts` are no words and meanings", "write them as `BLOCKED: denied`")
    meanings = dict(_WORDS)
    for word, outcome in words.items():
        if outcome not in OUTCOMES:
            raise _refusal(f"{_quoted(outcome)} is no outcome", f"these are {', '.join(OUTCOMES)}")
        meanings[_plain(word).lower()] = outcome
    return tuple(sorted(meanings.items()))


def _text(field: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise _refusal(f"{_quoted(value)} is no column", f"write the name of a column for {field}")
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise _refusal(f"one_of is {_quoted(value)}", "write the N of a log that keeps one record of N")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refusal(f"source_began is {_quoted(value)}", "write true or false")
    return value


def _separator(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in '"\r\n':
        raise _refusal(f"the separator is {_quoted(value)}", "write one character")
    return value


def _plain(word: Any) -> str:
    """Return a word as a log writes it: what YAML takes for true is `true` in JSON."""
    return str(word).lower() if isinstance(word, bool) else str(word)


def _quoted(value: Any) -> str:
    return ascii(one_line(value, 60))


def _refusal(what: str, remedy: str) -> UnreadableInput:
    return UnreadableInput(f"The mapping of the log's columns cannot be used: {what}; {remedy}.")
