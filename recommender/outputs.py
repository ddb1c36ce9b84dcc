"""Turns policies into the texts of an export: one kind of object, in one layout of files."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from collectors.errors import PodfenceError
from recommender.manifest import policy_to_yaml, to_yaml
from recommender.policy import NetworkPolicy

KUSTOMIZATION = "kustomization.yaml"

_LONGEST_STEM = 240
"""Characters of a file's name before `.yaml`: a disk takes 255, with what is written beside it first."""
_FILE_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True)
class Document:
    """One object of an export as YAML text; `namespace` is None for one that belongs to the whole cluster."""

    namespace: str | None
    name: str
    text: str


class Output(Protocol):
    """A kind of object that policies are written as. `generate` knows none of them."""

    name: str

    def documents(self, policies: Iterable[NetworkPolicy]) -> Iterable[Document]:
        """Return the objects that say the same; several policies may become one, or one several."""


class Kubernetes:
    """NetworkPolicy of networking.k8s.io/v1."""

    name = "kubernetes"

    def documents(self, policies: Iterable[NetworkPolicy]) -> Iterable[Document]:
        """Return one object a policy."""
        return [Document(policy.namespace, policy.name, policy_to_yaml(policy)) for policy in policies]


KUBERNETES: Output = Kubernetes()


@dataclass(frozen=True)
class Layout:
    """`<namespace>/<name>.yaml` for each object; with `per_namespace` all objects of one in `<namespace>.yaml`."""

    per_namespace: bool = False
    output: Output = KUBERNETES


def _stem(name: str) -> str:
    if len(name) <= _LONGEST_STEM:
        return name
    return f"{name[:200]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def export_files(policies: Iterable[NetworkPolicy], layout: Layout | None = None) -> dict[str, str]:
    """Return relative path -> text of an export, with its kustomization.yaml, sorted.

    Raises PodfenceError where a namespace or name could not be a file's (no API server gives such a one).
    """
    layout = layout or Layout()
    texts: dict[str, list[str]] = {}
    for document in sorted(layout.output.documents(policies), key=lambda item: (item.namespace or "", item.name)):
        # no namespace begins with an underline, so neither of these can be one
        folder = "_cluster" if document.namespace is None else document.namespace
        for part in (document.name,) if document.namespace is None else (document.namespace, document.name):
            if not _FILE_NAME.fullmatch(part):
                raise PodfenceError(f"inventory: {part!r} is no name of a namespace or policy; correct the inventory")
        path = f"{folder}.yaml" if layout.per_namespace else f"{folder}/{_stem(document.name)}.yaml"
        path = f"_{path}" if path == KUSTOMIZATION else path
        texts.setdefault(path, []).append(document.text)
    files = {path: "---\n".join(listed) for path, listed in texts.items()}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(files),
    }  # fmt: skip
    files[KUSTOMIZATION] = to_yaml(kustomization)
    return dict(sorted(files.items()))
