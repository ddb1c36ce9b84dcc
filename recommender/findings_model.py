"""Turns what is to be looked at into a Finding: its kinds, and how names and counts stand in its sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from recommender.communications import Communication
from recommender.suggest import suggestion_id
from recommender.text import cut, some, visible

Severity = Literal["serious", "attention", "info"]
SEVERITIES: Final = ("serious", "attention", "info")
Kind = Literal[
    "scan", "identity_conflict", "traffic_from_nowhere", "api_server_reached_by_many", "metadata_service_reached",
    "database_from_outside_namespace", "external_reaches_pod", "host_network_talks", "sampled_or_lossy",
    "identity_from_records", "denied_before",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

LONGEST_NAME: Final = 160
SHOWN: Final = 5


@dataclass(frozen=True)
class Finding:
    """One thing to look at: `subject` is what it is about, `communications` the ids it rests on (suggestion_id).

    Its texts hold names from cluster and traffic: cut to LONGEST_NAME each, control characters written out.
    """

    kind: Kind
    severity: Severity
    subject: str
    sentence: str
    communications: tuple[str, ...] = ()

    @staticmethod
    def of(
        kind: Kind, severity: Severity, subject: object, sentence: str, communications: Iterable[Communication] = ()
    ) -> "Finding":
        """Return the finding of a subject that is no text yet, and of communications."""
        ids = {suggestion_id(communication) for communication in communications}
        return Finding(kind, severity, name_of(subject), sentence, tuple(sorted(ids)))

    @property
    def docs(self) -> str:
        """Where it is explained."""
        return f"docs/findings.md#{self.kind}"


def name_of(thing: object) -> str:
    """Return a name as it may be shown: without control characters, and not endless."""
    return cut(visible(str(thing)[: LONGEST_NAME + 1]), LONGEST_NAME)


def names_of(things: Iterable[object]) -> str:
    """Return the first of some names, sorted, each once, and how many more there are."""
    return some(sorted({name_of(thing) for thing in things}), SHOWN)


def counted(number: int, one: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
