"""Turns a plain NetworkPolicy object into a NetworkPolicy value, or into one sentence that says why it is none.

What a kube-apiserver refuses is refused here, with the field's path; what it fills in is filled in here
(https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

from collectors.errors import UnreadableInput
from recommender import api_names
from recommender.policy import (
    EGRESS,
    INGRESS,
    IPBlock,
    Labels,
    LabelSelector,
    NetworkPolicy,
    Peer,
    PolicyType,
    Port,
    Requirement,
    Rule,
)

API_VERSION = "networking.k8s.io/v1"
KIND = "NetworkPolicy"
DEFAULT_NAMESPACE = "default"
"""Where kubectl puts an object that names no namespace."""

_POLICY_TYPES: dict[object, PolicyType] = {"Ingress": INGRESS, "Egress": EGRESS}
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_WITH_VALUES, _WITHOUT_VALUES = ("In", "NotIn"), ("Exists", "DoesNotExist")
_LONGEST_ANNOTATIONS = 256 * 1024

# `status` was a field for a while (1.24 to 1.27), so that objects saved from such a cluster carry it
_POLICY_FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
_SPEC_FIELDS = ("podSelector", "policyTypes", "ingress", "egress")
_METADATA_FIELDS = (
    "name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "generateName", "selfLink", "finalizers", "ownerReferences",
    "managedFields",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where in the user's files a value stands: a text's name, and the field's path in it."""

    where: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.path}" if self.path else self.where

    def child(self, name: str) -> "Place":
        """Step into a field."""
        return Place(self.where, f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> "Place":
        """Step into an entry of a list."""
        return Place(self.where, f"{self.path}[{index}]")

    def refuse(self, reason: str, todo: str) -> NoReturn:
        """Raise UnreadableInput: where, what, and what to do about it."""
        raise UnreadableInput(f"{self}: {reason}; {todo}")


def policy_from_object(item: object, where: str, default_namespace: str = DEFAULT_NAMESPACE) -> NetworkPolicy:
    """Read one NetworkPolicy as the API gives it, from a file or from a cluster, defaults filled in.

    Raises UnreadableInput for whatever a kube-apiserver would refuse and for fields it does not know.
    """
    place = Place(where)
    fields = _mapping(item, place, _POLICY_FIELDS)
    if fields.get("kind", KIND) != KIND:
        place.child("kind").refuse(f"{_shown(fields['kind'])} is not {KIND}", f"give a {KIND}")
    if fields.get("apiVersion", API_VERSION) != API_VERSION:
        place.child("apiVersion").refuse(f"{_shown(fields['apiVersion'])} is not served", f"write {API_VERSION}")
    at = place.child("metadata")
    metadata = _mapping(fields.get("metadata"), at, _METADATA_FIELDS)
    name = _text(metadata.get("name"), at.child("name"))
    namespace = _text(metadata.get("namespace"), at.child("namespace"))
    _check(api_names.subdomain_fault(name), name, at.child("name"))
    _check(api_names.namespace_fault(namespace) if namespace else "", namespace, at.child("namespace"))
    at_spec = place.child("spec")
    spec = _mapping(fields.get("spec"), at_spec, _SPEC_FIELDS)
    egress = _rules(spec.get("egress"), at_spec.child("egress"), "to")
    return NetworkPolicy(
        namespace=namespace or default_namespace,
        name=name,
        # absent is the same as empty: every pod of the namespace
        pod_selector=_selector(spec.get("podSelector"), at_spec.child("podSelector")),
        policy_types=_policy_types(spec.get("policyTypes"), at_spec.child("policyTypes"), has_egress=bool(egress)),
        ingress=_rules(spec.get("ingress"), at_spec.child("ingress"), "from"),
        egress=egress,
        labels=_labels(metadata.get("labels"), at.child("labels")),
        annotations=_annotations(metadata.get("annotations"), at.child("annotations")),
    )


def _shown(value: object) -> str:
    """Show a value of the user's on one line of ASCII: it may be long, or hold what moves a terminal's cursor."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a mapping"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check(fault: str, value: str, place: Place) -> None:
    if fault:
        place.refuse(f"{_shown(value)} {fault}", "change it to what the Kubernetes API takes")


def _mapping(value: object, place: Place, known: Collection[str]) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        place.refuse(f"{_shown(value)} is not a mapping", "write fields there")
    for key in value:
        if key not in known:
            place.child(ascii(key)[1:-1][:60]).refuse(
                "is a field that NetworkPolicy does not have", f"correct or remove it; known are {', '.join(known)}"
            )
    return value


def _list(value: object, place: Place) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        place.refuse(f"{_shown(value)} is not a list", "write a list there")
    return value


def _text(value: object, place: Place) -> str:
    if value is None:  # null decodes to the empty string in the API
        return ""
    if not isinstance(value, str):
        place.refuse(f"{_shown(value)} is not text", "put it in quotes if that text is meant")
    return value


def _policy_types(value: object, place: Place, *, has_egress: bool) -> tuple[PolicyType, ...]:
    written = _list(value, place)
    if len(written) > 2:
        place.refuse(f"holds {len(written)} entries, more than two", "name Ingress and Egress once each")
    found: list[PolicyType] = []
    for index, word in enumerate(written):
        if not isinstance(word, str) or word not in _POLICY_TYPES:
            place.item(index).refuse(f"{_shown(word)} is not a policy type", "write Ingress or Egress")
        if _POLICY_TYPES[word] not in found:
            found.append(_POLICY_TYPES[word])
    if found:
        return tuple(found)
    return (INGRESS, EGRESS) if has_egress else (INGRESS,)


def _labels(value: object, place: Place) -> Labels:
    if value is not None and not isinstance(value, dict):
        place.refuse(f"{_shown(value)} is not a mapping", "write `key: value` there")
    pairs = []
    for key, label in (value or {}).items():
        _check(api_names.key_fault(key), key, place)
        at = place.child(key)
        text = _text(label, at)
        _check(api_names.value_fault(text), text, at)
        pairs.append((key, text))
    return tuple(sorted(pairs))


def _annotations(value: object, place: Place) -> Labels:
    if value is not None and not isinstance(value, dict):
        place.refuse(f"{_shown(value)} is not a mapping", "write `key: value` there")
    pairs = []
    for key, note in (value or {}).items():
        _check(api_names.key_fault(key.lower()), key, place)
        pairs.append((key, _text(note, place.child(key))))
    if sum(len(text.encode(errors="replace")) for pair in pairs for text in pair) > _LONGEST_ANNOTATIONS:
        place.refuse("are more than 256 KiB together", "shorten them")
    return tuple(sorted(pairs))


def _selector(value: object, place: Place) -> LabelSelector:
    fields = _mapping(value, place, ("matchLabels", "matchExpressions"))
    at = place.child("matchExpressions")
    return LabelSelector(
        match_labels=_labels(fields.get("matchLabels"), place.child("matchLabels")),
        match_expressions=tuple(
            _requirement(entry, at.item(index)) for index, entry in enumerate(_list(fields.get("matchExpressions"), at))
        ),
    )


def _requirement(value: object, place: Place) -> Requirement:
    fields = _mapping(value, place, ("key", "operator", "values"))
    key, operator = _text(fields.get("key"), place.child("key")), fields.get("operator")
    at = place.child("values")
    values = [_text(entry, at.item(index)) for index, entry in enumerate(_list(fields.get("values"), at))]
    if operator not in _WITH_VALUES + _WITHOUT_VALUES:
        place.child("operator").refuse(
            f"{_shown(operator)} is not a selector operator", "write In, NotIn, Exists or DoesNotExist"
        )
    if operator in _WITH_VALUES and not values:
        at.refuse(f"is empty, though {operator} compares with values", "list at least one value")
    if operator in _WITHOUT_VALUES and values:
        at.refuse(f"is given, though {operator} takes none", "remove it")
    _check(api_names.key_fault(key), key, place.child("key"))
    for index, text in enumerate(values):
        _check(api_names.value_fault(text), text, at.item(index))
    return Requirement(key, str(operator), tuple(sorted(values)))


def _rules(value: object, place: Place, side: str) -> tuple[Rule, ...]:
    rules = []
    for index, entry in enumerate(_list(value, place)):
        at = place.item(index)
        # a null entry decodes to the empty rule in the API, which lets everything through: read as what it does
        fields = _mapping(entry, at, (side, "ports"))
        peers, ports = at.child(side), at.child("ports")
        rules.append(
            Rule(
                tuple(_peer(peer, peers.item(i)) for i, peer in enumerate(_list(fields.get(side), peers))),
                tuple(_port(port, ports.item(i)) for i, port in enumerate(_list(fields.get("ports"), ports))),
            )
        )
    return tuple(rules)


def _peer(value: object, place: Place) -> Peer:
    fields = _mapping(value, place, ("podSelector", "namespaceSelector", "ipBlock"))
    given = {key: entry for key, entry in fields.items() if entry is not None}
    if not given:
        place.refuse(
            "names no peer", "give a podSelector, a namespaceSelector or an ipBlock; {} as a selector takes all"
        )
    if "ipBlock" in given and len(given) > 1:
        place.refuse("joins an ipBlock with a selector", "give them as two entries of the list")
    if "ipBlock" in given:
        return Peer(ip_block=_ip_block(given["ipBlock"], place.child("ipBlock")))
    selectors = {key: _selector(entry, place.child(key)) for key, entry in given.items()}
    return Peer(pod_selector=selectors.get("podSelector"), namespace_selector=selectors.get("namespaceSelector"))


def _ip_block(value: object, place: Place) -> IPBlock:
    fields = _mapping(value, place, ("cidr", "except"))
    whole = _cidr(fields.get("cidr"), place.child("cidr"))
    at = place.child("except")
    excepts = []
    for index, entry in enumerate(_list(fields.get("except"), at)):
        part = _cidr(entry, at.item(index))
        if part == whole or part.version != whole.version or not part.subnet_of(whole):  # type: ignore[arg-type]  # versions agree by then
            at.item(index).refuse(f"{part} is not a strict part of {whole}", "give a longer prefix inside the cidr")
        excepts.append(str(part))
    return IPBlock(str(whole), tuple(excepts))


def _cidr(value: object, place: Place) -> api_names.Network:
    text = _text(value, place)
    found = api_names.parse_cidr(text)
    if isinstance(found, str):
        place.refuse(f"{_shown(text)} {found}", "correct it")
    return found


def _port(value: object, place: Place) -> Port:
    fields = _mapping(value, place, ("protocol", "port", "endPort"))
    protocol = "TCP" if fields.get("protocol") is None else fields["protocol"]
    if not isinstance(protocol, str) or protocol not in _PROTOCOLS:
        place.child("protocol").refuse(
            f"{_shown(protocol)} is not a protocol of NetworkPolicy", "write TCP, UDP or SCTP"
        )
    port = fields.get("port")
    if isinstance(port, str):
        _check(api_names.port_name_fault(port), port, place.child("port"))
    elif port is not None:
        port = _port_number(port, place.child("port"))
    if fields.get("endPort") is None:
        return Port(protocol, port)
    at = place.child("endPort")
    if not isinstance(port, int):
        at.refuse("needs a number as port", "give the range's first port as a number")
    end = _port_number(fields["endPort"], at)
    if end < port:
        at.refuse(f"{end} is below the port {port}", "give the range's last port")
    return Port(protocol, port, end)


def _port_number(value: object, place: Place) -> int:
    # JSON knows no difference between 80.0 and 80, and neither does the API
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        place.refuse(f"{_shown(value)} is not a port number", "give a whole number from 1 to 65535")
    return value
