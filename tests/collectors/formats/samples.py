"""The samples of flow logs, and what each is read as.

`python -m tests.collectors.formats.samples` writes the golden files anew.
"""

from pathlib import Path

from collectors import read_flows
from collectors.formats.known import FORMATS
from collectors.inputs import NEVER_SNIFFED

FOLDER = Path(__file__).parents[3] / "sample_captures" / "logs"
GOLDEN = Path(__file__).parent / "golden"


def samples():
    """Return every sample, sorted."""
    return sorted(path for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".md")


def format_of(path):
    """Return the format of a sample by its name: the longest NAME that it begins with."""
    return max((form for form in FORMATS if path.name.startswith(form.NAME)), key=lambda form: len(form.NAME))


def told(path):
    """Return whether the format of a sample is told by its content."""
    return format_of(path).NAME not in NEVER_SNIFFED


def golden_of(path):
    """Return where the flows of a sample are."""
    return GOLDEN / f"{path.name}.csv"


def text_of(path):
    """Return what a sample is read as, as text: flows, then claims, names, ledger and gaps."""
    seen = read_flows([path])
    ledger = [f"# ledger,{kind},{count}" for kind, count in seen.ledger.packet_counts().items()]
    events = [f"# event,{kind},{count}" for kind, count in seen.ledger.event_counts().items()]
    source = f"# records,{seen.window.sources[0].packets}"
    tables = (frame.to_csv(index=False, lineterminator="\n") for frame in (seen.flows, seen.claims, seen.names))
    return "\n".join([*tables, *ledger, *events, source, ""])


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for sample in samples():
        if told(sample):
            golden_of(sample).write_text(text_of(sample), encoding="utf-8")
