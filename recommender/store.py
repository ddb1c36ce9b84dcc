"""Turns a review folder and a folder of exported policies into values, and values into those folders."""

import fcntl
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collectors.errors import PodfenceError, UnreadableInput
from recommender.api_names import namespace_fault
from recommender.artefacts import suggestions_from_data, suggestions_to_data
from recommender.manifest import from_yaml, policies_from_yaml, to_yaml
from recommender.manifest_files import manifest_files
from recommender.manifest_merge import Placed, once
from recommender.manifest_read import DEFAULT_NAMESPACE
from recommender.outputs import Layout, export_files
from recommender.policy import NetworkPolicy
from recommender.review import Decision, decisions_from_data, decisions_to_data
from recommender.reviewing_merges import refuse_conflict_markers
from recommender.suggest import Suggestions
from recommender.uncollected import uncollected

SUGGESTIONS, DECISIONS, REPORT = "suggestions.json", "decisions.yaml", "report.html"
_LOCK = ".decisions.lock"
STDIN, CLUSTER = "-", "cluster"
"""Words that are no paths: standard input, and the policies in force."""
LINKED_FOLDER = "linked folder"
"""What links to folders are counted as: they are not entered, as kubectl enters none."""
_KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def save_suggestions(suggestions: Suggestions, folder: str | Path) -> None:
    """Write suggestions.json into a review folder."""
    write_text(Path(folder) / SUGGESTIONS, json.dumps(suggestions_to_data(suggestions), indent=1) + "\n")


@uncollected()
def load_suggestions(folder: str | Path) -> Suggestions:
    """Return a review folder's suggestions; raises UnreadableInput where there are none."""
    file = Path(folder) / SUGGESTIONS
    try:
        data = json.loads(read_text(file, "write it with `podfence suggest`"))
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{file}: not JSON ({fault}); write it again with `podfence suggest`") from fault
    return suggestions_from_data(data, str(file))


def save_decisions(decisions: Iterable[Decision], folder: str | Path) -> None:
    """Write decisions.yaml into a review folder."""
    write_text(Path(folder) / DECISIONS, to_yaml(decisions_to_data(decisions)))


class ChangedOnDisk(PodfenceError):
    """Somebody else wrote the decisions since they were read: nothing was overwritten."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let nobody else who asks write decisions between our look at the file and our writing it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as fault:
        raise PodfenceError(f"{folder}: cannot be written ({fault.strerror}); check its permissions") from fault


def replace_decisions(read: Iterable[Decision], fresh: Iterable[Decision], folder: str | Path) -> None:
    """Write decisions in the place of those that were read from a review folder; nothing where they are the same.

    Raises ChangedOnDisk where the file holds others by now.
    """
    before, after = ({decision.id: decision for decision in found} for found in (read, fresh))
    if before == after:
        return
    with locked(Path(folder)):
        if {decision.id: decision for decision in load_decisions(folder)} != before:
            raise ChangedOnDisk(
                f"{Path(folder) / DECISIONS}: somebody decided meanwhile; nothing was overwritten: run this again"
            )
        save_decisions(after.values(), folder)


@uncollected()
def load_decisions(folder: str | Path) -> tuple[Decision, ...]:
    """Return a review folder's decisions; none where there is no file yet."""
    file = Path(folder) / DECISIONS
    if not file.exists() and not file.is_symlink():
        return ()
    if not file.is_file():
        raise UnreadableInput(f"{file}: no regular file; move it away, and put the decisions there")
    text = read_text(file, "check its permissions")
    refuse_conflict_markers(text, str(file))
    return decisions_from_data(from_yaml(text, str(file)), str(file))


def save_policies(
    policies: Iterable[NetworkPolicy], folder: str | Path, layout: Layout | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write an export; return its files, and the YAML files in the folder that it does not write: these stay."""
    files = export_files(policies, layout)
    for name, text in files.items():
        write_text(Path(folder) / name, text)
    return tuple(files), _others(Path(folder), files)


def differing_files(
    policies: Iterable[NetworkPolicy], folder: str | Path, layout: Layout | None = None
) -> tuple[str, ...]:
    """Return the files of the folder that differ from what an export would write: changed, missing or left over."""
    files = export_files(policies, layout)
    changed = {
        name
        for name, text in files.items()
        if not (Path(folder) / name).is_file() or _text(Path(folder) / name) != text
    }
    return tuple(sorted(changed.union(_others(Path(folder), files))))


@dataclass(frozen=True)
class PoliciesLoaded:
    """The policies of some sources, sorted, each once; what else was there, counted by kind.

    `assumed` are policies ("namespace/name") that name no namespace themselves.
    """

    policies: tuple[NetworkPolicy, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


def load_policies(paths: Iterable[str | Path]) -> tuple[tuple[NetworkPolicy, ...], Mapping[str, int]]:
    """Return the NetworkPolicies in files, folders and stdin (`-`), sorted, and what else was there, by kind."""
    loaded = read_policies(paths)
    return loaded.policies, loaded.skipped


def read_policies(
    paths: Iterable[str | Path],
    namespace: str = DEFAULT_NAMESPACE,
    in_force: Iterable[NetworkPolicy] | None = None,
) -> PoliciesLoaded:
    """Return the NetworkPolicies of sources: files, folders of YAML and JSON, stdin (`-`).

    `namespace` is for policies that name none. With `in_force`, the word `cluster` stands for these (a folder of that
    name is `./cluster`). Raises UnreadableInput for what a kube-apiserver would refuse, and for two policies of one
    name that differ.
    """
    fault = namespace_fault(namespace)
    if fault:
        raise UnreadableInput(f"namespace {ascii(namespace)[:80]} {fault}; name a namespace as Kubernetes does")
    placed: list[Placed] = []
    skipped: Counter[str] = Counter()
    assumed: set[str] = set()
    for source in dict.fromkeys(str(path) for path in paths):
        if source == CLUSTER and in_force is not None:
            placed += [(policy, "the cluster") for policy in in_force]
            continue
        for name, text, passed_over in _texts(source):
            if passed_over:
                skipped[passed_over] += 1
                continue
            found = policies_from_yaml(text, name, namespace)
            placed += zip(found.policies, found.places, strict=True)
            skipped.update(found.skipped)
            assumed.update(found.assumed)
    policies = sorted((policy for policy, _ in once(placed)), key=lambda policy: policy.key)
    return PoliciesLoaded(tuple(policies), dict(sorted(skipped.items())), tuple(sorted(assumed)))


def _texts(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield name and text of each file of a source; or what it is that is passed over, without any text."""
    if source == STDIN:
        yield "stdin", _stdin(), ""
        return
    for file in manifest_files(Path(source)):
        if file.is_dir():
            yield str(file), "", LINKED_FOLDER
        elif file.name in _KUSTOMIZATIONS:  # it need not name its kind
            yield str(file), "", "Kustomization"
        else:
            yield str(file), read_text(file, "check its permissions"), ""


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as fault:
        raise UnreadableInput(f"stdin: is not UTF-8 text ({fault.reason}); pipe YAML or JSON into it") from fault


def read_text(file: Path, what_to_do: str) -> str:
    """Return a file's text; raises UnreadableInput naming the file and what to do."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise UnreadableInput(f"{file}: no such file; {what_to_do}") from fault
    except UnicodeDecodeError as fault:
        raise UnreadableInput(f"{file}: is not UTF-8 text ({fault.reason}); save it as UTF-8") from fault
    except OSError as fault:
        raise UnreadableInput(f"{file}: cannot be read ({fault}); {what_to_do}") from fault


def write_text(file: Path, text: str) -> None:
    """Write a file whole or not at all: beside it first, then renamed; folders are made as needed."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as fault:
        raise PodfenceError(f"{file}: cannot be written ({fault.strerror}); choose another folder with -o") from fault


def _text(file: Path) -> str:
    return read_text(file, "check its permissions")


def _others(folder: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    found = (str(path.relative_to(folder)) for path in folder.rglob("*.yaml") if path.is_file())
    return tuple(sorted(name for name in found if name not in files))
