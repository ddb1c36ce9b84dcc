"""Turns inputs into a store: what each shows is written where it is read, and no place holds the flows of all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Unpack

from collectors.adding import Added, Adding, total
from collectors.sources import Reading, read_each, refuse_nothing
from collectors.store import place_of


def observe_into(paths: Iterable[str | Path], store: str | Path, **reading: Unpack[Reading]) -> Added:
    """Read inputs as `collectors.read_flows` does, and add them to a store at a path or URL as `collectors.save` does.

    Raises what these raise; then nothing of what was read is in the store.
    """
    with Adding(place_of(store)) as adding:
        pieces = list(read_each(paths, adding.draft.write, adding.draft.folder, **reading))
        refuse_nothing(total(pieces)[0])
        return adding.keep(pieces)
