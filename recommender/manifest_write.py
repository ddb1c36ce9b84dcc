"""Turns policies into plain API objects, and plain data into YAML text that is the same to every reader."""

import sys
from typing import Any

import yaml

from recommender.manifest_read import API_VERSION, KIND
from recommender.policy import LabelSelector, NetworkPolicy, Peer, Port, Rule
from recommender.scalars import is_plain

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
    return _present(matchLabels=dict(selector.match_labels), matchExpressions=expressions)


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


class _Dumper(yaml.SafeDumper):
    """The safe dumper in Python (the same bytes with or without libyaml), without anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the name and shape of the library's hook
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Represent text: quoted wherever any reader could take it for something else, lone surrogates as U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return dumper.represent_scalar("tag:yaml.org,2002:str", whole, style=None if is_plain(whole) else '"')


_Dumper.add_representer(str, _text)


def to_yaml(data: Plain) -> str:
    """Write plain data as one YAML document: block style, keys in their given order, the same bytes every time.

    What is not ASCII is escaped, so that right-to-left marks and look-alikes are seen for what they are. Raises
    TypeError for anything that is not plain data with text keys.
    """
    _check(data)
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=sys.maxsize)  # noqa: TID251 - a safe dumper
    return text.removesuffix("...\n")  # the end mark that PyYAML puts behind a bare scalar


def _check(data: Plain) -> None:
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise TypeError(f"a key of YAML data is text, not {type(key).__name__}")
            _check(value)
    elif isinstance(data, list | tuple):
        for value in data:
            _check(value)
    elif data is not None and not isinstance(data, str | bool | int | float):
        raise TypeError(f"YAML data cannot hold a {type(data).__name__}")
