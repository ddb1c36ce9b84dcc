"""Turns what is approved at a desk into policy files: only what the person sees, as `podfence export` writes them."""

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import PodfenceError
from recommender.desk import Desk
from recommender.outputs import KUSTOMIZATION
from recommender.store import DECISIONS, ChangedOnDisk, load_decisions, save_policies


@dataclass(frozen=True)
class Exported:
    """Where an export is, its files without the kustomization, and YAML files there that are none of its own."""

    folder: Path
    files: tuple[str, ...]
    others: tuple[str, ...]


def export(desk: Desk, folder: str, *, allow_incomplete: bool = False) -> Exported:
    """Write the approved policies into a folder, by its path from where the kernel runs.

    Raises ChangedOnDisk where the decisions on disk are not those at the desk, PodfenceError for half-decided
    directions, unless they are allowed.
    """
    from recommender.exporting import approved  # noqa: PLC0415 - late: it loads every stage
    from recommender.pipeline import RunOptions  # noqa: PLC0415 - late, as above

    if not folder.strip() or not folder.isprintable():
        raise PodfenceError("name the folder to write the policies to, such as policies")
    if {decision.id: decision for decision in load_decisions(desk.folder)} != desk.decisions:
        raise ChangedOnDisk(
            f"{desk.folder / DECISIONS}: changed since it was read; nothing was exported: load it again, and look first"
        )
    policies = approved(desk.reviewed, RunOptions(allow_incomplete=allow_incomplete))
    place = Path(folder).expanduser()
    files, others = save_policies(policies, place)
    return Exported(place, tuple(name for name in files if name != KUSTOMIZATION), others)
