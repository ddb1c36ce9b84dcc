"""What a reader makes of some content, all of it, and the balance that every reader keeps."""

import io
import json
from dataclasses import dataclass

import pandas as pd

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.formats.documents import json_documents
from collectors.formats.fold import Fold
from collectors.formats.reading import LogReading, read_log
from collectors.ledger import Ledger, LedgerWriter


@dataclass(frozen=True)
class Observed:
    """Everything that one log comes to."""

    flows: pd.DataFrame
    ledger: Ledger
    reading: LogReading
    claims: pd.DataFrame
    names: pd.DataFrame

    @property
    def left_out(self):
        """Return class -> how many records."""
        return self.ledger.packet_counts()

    @property
    def samples(self):
        """Return what the ledger shows of the records that are left out."""
        return [sample.text for entry in self.ledger.packets.values() for sample in entry.samples]


def observed(form, content):
    """Return what a reader makes of some bytes, or of documents as JSON lines."""
    text = content if isinstance(content, bytes) else "\n".join(map(json.dumps, content)).encode()
    fold, ledger, names, claims = Fold(), LedgerWriter(), NameReader(), ClaimTable()
    reading = read_log(form, io.BytesIO(text), "log", fold, ledger, names, claims)
    return Observed(fold.finish(), ledger.ledger(), reading, claims.finish("log"), names.finish("log"))


def records_in(content, keys=()):
    """Return how many records some bytes hold: elements, or lines that are not blank."""
    return sum(bool(line.strip()) for line in json_documents(io.BytesIO(content), keys))


def records_read(form, content):
    """Return how many records a reader counted."""
    return sum(batch.size for batch in form.read(io.BytesIO(content)))
