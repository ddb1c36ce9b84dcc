"""Turns policies into plain API objects, and plain data into YAML text that is the same to every reader.

Written by hand rather than with a YAML library: their dumpers differ between the C and the Python one, quote for one
version of YAML only and fold long lines, while these files live in git and go to kubectl, Python and Go alike.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from recommender.manifest_read import API_VERSION, KIND
from recommender.policy import Labels, LabelSelector, NetworkPolicy, Peer, Port, Rule
from recommender.scalars import number, quote

_LONGEST_SIMPLE_KEY = 1000
"""YAML readers look for the colon of a key within 1024 characters; a longer key takes the explicit `? key` form."""

Plain = Any
"""Dicts with text keys, lists, text, numbers, booleans and None, nested."""


def policy_to_object(policy: NetworkPolicy) -> dict[str, Plain]:
    """Turn a policy into the plain object of the API, policyTypes always explicit."""
    metadata: dict[str, Plain] = {"name": policy.name, "namespace": policy.namespace}
    metadata |= _present(labels=dict(policy.labels), annotations=dict(policy.annotations))
    spec = {"podSelector": _selector(policy.pod_selector), "policyTypes": list(policy.policy_types)}
    # a direction that is isolated with no rules at all is written as the Kubernetes documentation writes it:
    # named in policyTypes, without a section
    spec |= _present(
        ingress=[_rule(rule, "from") for rule in policy.ingress],
        egress=[_rule(rule, "to") for rule in policy.egress],
    )
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _present(**fields: Plain) -> dict[str, Plain]:
    return {key: value for key, value in fields.items() if value}


def _selector(selector: LabelSelector) -> dict[str, Plain]:
    expressions = [
        {"key": wanted.key, "operator": wanted.operator} | _present(values=list(wanted.values))
        for wanted in selector.match_expressions
    ]
    return _present(matchLabels=_labels(selector.match_labels), matchExpressions=expressions)


def _labels(labels: Labels) -> dict[str, str]:
    return dict(labels)


def _rule(rule: Rule, side: str) -> dict[str, Plain]:
    return _present(**{side: [_peer(peer) for peer in rule.peers], "ports": [_port(port) for port in rule.ports]})


def _peer(peer: Peer) -> dict[str, Plain]:
    written: dict[str, Plain] = {}
    # absent and empty differ: an absent namespaceSelector is the policy's own namespace, an empty one is all of them
    if peer.namespace_selector is not None:
        written["namespaceSelector"] = _selector(peer.namespace_selector)
    if peer.pod_selector is not None:
        written["podSelector"] = _selector(peer.pod_selector)
    if peer.ip_block is not None:
        written["ipBlock"] = {"cidr": peer.ip_block.cidr} | _present(**{"except": list(peer.ip_block.excepts)})
    return written


def _port(port: Port) -> dict[str, Plain]:
    written: dict[str, Plain] = {"protocol": port.protocol}
    if port.port is not None:
        written["port"] = port.port
    if port.end_port is not None:
        written["endPort"] = port.end_port
    return written


def to_yaml(data: Plain) -> str:
    """Write plain data as one YAML document: block style, keys in their given order, the same bytes every time.

    Raises TypeError for anything that is not plain data with text keys.
    """
    if _is_branch(data):
        return "\n".join(_lines(data, 0)) + "\n"
    return _leaf(data) + "\n"


def _is_branch(value: Plain) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _lines(branch: Plain, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(branch, Mapping):
        for key, value in branch.items():
            head = pad + _key(key, pad)
            if _is_branch(value):
                yield head
                yield from _lines(value, indent + (2 if isinstance(value, Mapping) else 0))
            else:
                yield f"{head} {_leaf(value)}"
        return
    for value in branch:
        if _is_branch(value):
            first, *rest = _lines(value, indent + 2)
            yield f"{pad}- {first[indent + 2 :]}"
            yield from rest
        else:
            yield f"{pad}- {_leaf(value)}"


def _key(key: object, pad: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of YAML data is text, not {type(key).__name__}")
    quoted = quote(key)
    return f"{quoted}:" if len(quoted) < _LONGEST_SIMPLE_KEY else f"? {quoted}\n{pad}:"


def _leaf(value: Plain) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list | tuple):
        return "[]"
    raise TypeError(f"YAML data cannot hold a {type(value).__name__}")
