"""What a reader makes of a file's content."""

import io
from dataclasses import dataclass

import pandas as pd

from collectors.capture.names import NameReader
from collectors.claims import Claims, ClaimTable
from collectors.flows import Flows
from collectors.formats.fold import Fold
from collectors.formats.reading import LogReading, read_log
from collectors.ledger import Ledger, LedgerWriter
from tests.collectors.formats.hands import only


@dataclass(frozen=True)
class Seen:
    """Flows, ledger, reading and claims of one log."""

    flows: Flows
    ledger: Ledger
    reading: LogReading
    claims: Claims

    @property
    def row(self):
        """The only flow, as a dict; None is missing."""
        return {name: None if pd.isna(value) else value for name, value in only(self.flows).items()}

    @property
    def ends(self):
        """Source, destination and port of the only flow."""
        return self.row["src"], self.row["dst"], self.row["dst_port"]

    @property
    def verdict(self):
        """Orientation and outcome of the only flow."""
        return self.row["orientation"], self.row["outcome"]

    @property
    def left_out(self):
        """Ledger class -> records."""
        return self.ledger.packet_counts()


def seen(form, content):
    """Return what comes of a file's content, read by a format."""
    fold, ledger, claims = Fold(), LedgerWriter(), ClaimTable()
    reading = read_log(form, io.BytesIO(content), "log", fold, ledger, NameReader(), claims)
    return Seen(fold.finish(), ledger.ledger(), reading, claims.finish("log"))


def size(form, content):
    """Return how many records a reader finds."""
    return sum(batch.size for batch in form.read(io.BytesIO(content)))
