"""Turns policies and other plain data into YAML text, and YAML text into policies and plain data.

The only importer of `yaml`, and of that only the parser: its events are built into nothing but dicts, lists, text,
numbers, booleans and null.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from collectors.errors import UnreadableInput
from recommender.manifest_merge import once
from recommender.manifest_read import API_VERSION, DEFAULT_NAMESPACE, KIND, Place, policy_from_object
from recommender.manifest_streams import documents_only
from recommender.manifest_write import Plain, policy_to_object, to_yaml
from recommender.policy import NetworkPolicy
from recommender.scalars import resolve

_DEEPEST = 100
"""Levels of nesting that are read; a NetworkPolicy has 9."""
_MOST_NODES = 5_000_000
"""Nodes a document may have with its aliases written out, so that ten lines cannot become ten billion."""
_COLLECTION_TAGS = frozenset([None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"])
_TEXT_TAGS = frozenset(["!", "tag:yaml.org,2002:str"])
_SCALAR_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = [
    "PoliciesRead",
    "from_yaml",
    "policies_from_yaml",
    "policy_from_object",
    "policy_to_object",
    "policy_to_yaml",
    "to_yaml",
]


HELM_NOTES = "Helm NOTES"
"""What the texts that Helm prints for people are counted as."""


@dataclass(frozen=True)
class PoliciesRead:
    """The policies of one text, in its order, and how many objects of other kinds were passed over.

    `places` says of each policy where it stands; `assumed` are those ("namespace/name") that name no namespace.
    """

    policies: tuple[NetworkPolicy, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def policy_to_yaml(policy: NetworkPolicy) -> str:
    """Write one policy as a YAML document, keys in the order in which people write them."""
    return to_yaml(policy_to_object(policy))


def policies_from_yaml(text: str, where: str, namespace: str = DEFAULT_NAMESPACE) -> PoliciesRead:
    """Read every NetworkPolicy of a text: YAML documents, JSON, lists of objects as kubectl prints them, Helm's output.

    Defaults are filled in as a kube-apiserver does; `namespace` is for policies that name none. Raises
    UnreadableInput for what it would refuse, for fields it does not know, and for two policies of one name that
    differ; `where` names the text in that sentence.
    """
    found: list[tuple[NetworkPolicy, str]] = []
    assumed: set[str] = set()
    stream = documents_only(text)
    skipped: Counter[str] = Counter({HELM_NOTES: stream.notes} if stream.notes else {})
    for place, item in _objects(_documents(stream.text, where), where):
        kind, api_version = item.get("kind"), item.get("apiVersion")
        if not isinstance(kind, str) or not kind:
            place.child("kind").refuse("is missing", "give every document its apiVersion and kind")
        if kind != KIND or not _is_ours(api_version):
            skipped[kind if kind != KIND else f"{api_version} {kind}"] += 1
            continue
        if "apiVersion" not in item:
            place.child("apiVersion").refuse("is missing", f"write {API_VERSION}")
        policy = policy_from_object(item, str(place), namespace)
        found.append((policy, str(place)))
        if not _has_namespace(item):
            assumed.add(f"{policy.namespace}/{policy.name}")
    each = once(found)
    return PoliciesRead(
        tuple(policy for policy, _ in each),
        dict(sorted(skipped.items())),
        tuple(place for _, place in each),
        tuple(sorted(assumed)),
    )


def _has_namespace(item: Mapping[str, object]) -> bool:
    metadata = item.get("metadata")
    return isinstance(metadata, Mapping) and bool(metadata.get("namespace"))


def _is_ours(api_version: object) -> bool:
    """Calico has a kind of the same name in its own group; only that of Kubernetes (also its old home) is ours."""
    group = str(api_version).rpartition("/")[0]
    return group in {API_VERSION.partition("/")[0], "extensions", ""}


def _objects(documents: Sequence[Plain], where: str) -> Iterator[tuple[Place, dict[str, Plain]]]:
    for index, document in enumerate(documents, start=1):
        if document is not None:
            yield from _flattened(document, Place(f"{where}, document {index}" if len(documents) > 1 else where))


def _flattened(item: Plain, place: Place) -> Iterator[tuple[Place, dict[str, Plain]]]:
    """Yield an object, or those of a list: of any kinds, or of one (`NetworkPolicyList`), also lists in lists."""
    if not isinstance(item, dict):
        place.refuse("holds no Kubernetes object", "give it apiVersion, kind, metadata and spec")
    kind, items = item.get("kind"), item.get("items")
    listed = isinstance(kind, str) and kind.endswith("List")
    ours = kind in {"List", f"{KIND}List"}
    if not listed or not (ours or isinstance(items, list)):
        yield place, item
        return
    if not isinstance(items, list | None):
        place.child("items").refuse("is not a list", "give the list as kubectl prints it")
    # the API leaves kind and apiVersion out of the items of a typed list
    implied = {"apiVersion": item.get("apiVersion"), "kind": str(kind).removesuffix("List")} if kind != "List" else {}
    for number, entry in enumerate(items or ()):
        yield from _flattened({**implied, **entry} if isinstance(entry, dict) else entry, _entry(place, number))


def _entry(place: Place, number: int) -> Place:
    return Place(f"{place}, items[{number}]")


def from_yaml(text: str, where: str) -> Plain:
    """Read a text of one YAML (or JSON) document into plain data; an empty text is None.

    Unquoted scalars mean what they mean to kubectl. Raises UnreadableInput for broken YAML, more than one document,
    doubled keys, keys that are not text, foreign tags, merge keys, and documents that grow without bound.
    """
    documents = _documents(text, where)
    if len(documents) > 1:
        Place(where).refuse(f"holds {len(documents)} YAML documents", "leave one")
    return documents[0] if documents else None


def _documents(text: str, where: str) -> list[Plain]:
    if text.lstrip().startswith("{"):  # JSON first: YAML readers stumble over its tabs and its surrogate pairs
        try:
            return [json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)]
        except (ValueError, RecursionError):
            pass  # flow style YAML starts so too, and the YAML reader has the better message
    try:
        return _Builder(where).documents(text)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise UnreadableInput(f"{where}{line}: not YAML: {fault.problem or fault.context}; mend that line") from fault
    except (yaml.YAMLError, UnicodeError) as fault:
        reason = str(fault).splitlines()[0]
        raise UnreadableInput(f"{where}: not YAML: {reason}; save it as UTF-8 text") from fault


def _unique(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    built = dict(pairs)
    if len(built) < len(pairs):
        raise ValueError("doubled key")
    return built


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


@dataclass
class _Open:
    """A mapping or list whose end has not come yet; `nodes` counts what it would be with its aliases written out."""

    built: dict[str, Plain] | list[Plain]
    anchor: str | None
    nodes: int = 1
    key: str | None = None


class _Builder:
    """Builds plain data from parser events with a stack of its own, so that depth costs memory and no recursion."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Plain, int]] = {}
        self._found: list[Plain] = []

    def documents(self, text: str) -> list[Plain]:
        """Read all documents of a text."""
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event), 1, event, event.anchor)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = self._stack.pop()
                self._add(done.built, done.nodes, event, done.anchor)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
        return self._found

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag not in _COLLECTION_TAGS:
            self._refuse(event, f"the tag {ascii(event.tag)[:60]} is not read here", "remove it")
        if len(self._stack) >= _DEEPEST:
            self._refuse(event, f"nested more than {_DEEPEST} levels deep", "nothing that podfence reads is that deep")
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._refuse(event, f"the alias *{ascii(event.anchor)[1:-1][:60]} names nothing above it", "write it out")
        value, nodes = self._anchors[event.anchor]
        self._add(value, nodes, event, None)

    def _scalar(self, event: yaml.ScalarEvent) -> Plain:
        if event.tag in _TEXT_TAGS:
            return event.value
        if event.tag is None:
            return resolve(event.value) if event.implicit[0] else event.value
        if event.tag not in _SCALAR_TAGS:
            self._refuse(event, f"the tag {ascii(event.tag)[:60]} is not read here", "remove it")
        return resolve(event.value)

    def _add(self, value: Plain, nodes: int, event: yaml.Event, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = (value, nodes)
        if not self._stack:
            self._found.append(value)
            return
        top = self._stack[-1]
        top.nodes += nodes
        if top.nodes > _MOST_NODES:
            self._refuse(event, f"grows beyond {_MOST_NODES} nodes", "write its aliases out, or split it")
        if isinstance(top.built, list):
            top.built.append(value)
        elif top.key is None:
            top.key = self._checked_key(value, top.built, event)
        else:
            top.built[top.key] = value
            top.key = None

    def _checked_key(self, key: Plain, built: dict[str, Plain], event: yaml.Event) -> str:
        if not isinstance(key, str):
            shown = ascii(key)[:60] if not isinstance(key, dict | list) else "a collection"
            self._refuse(event, f"a key is {shown} and not text", "put it in quotes")
        if key in built:
            self._refuse(event, f"the key {ascii(key)[:60]} stands here twice", "keep one of the two")
        if key == "<<":
            self._refuse(event, "merge keys (<<) are not read here", "write the merged fields out")
        return key

    def _refuse(self, event: yaml.Event, reason: str, todo: str) -> NoReturn:
        line = f", line {event.start_mark.line + 1}" if event.start_mark is not None else ""
        raise UnreadableInput(f"{self._where}{line}: {reason}; {todo}")
