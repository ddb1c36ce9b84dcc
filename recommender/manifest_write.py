"""Turns policies into plain API objects, and plain data into YAML text that is the same to every reader."""

from collections.abc import Iterator
from typing import Any, Final

import yaml
from yaml.representer import SafeRepresenter

from recommender.manifest_read import API_VERSION, KIND
from recommender.policy import LabelSelector, NetworkPolicy, Peer, Port, Rule
from recommender.scalars import is_plain

_THOROUGH: Any = yaml.SafeDumper
_QUICK: Any = getattr(yaml, "CSafeDumper", _THOROUGH)
"""libyaml's emitter, where PyYAML has it: it takes a fifth of the time."""
_LONGEST_KEY = 100
_WIDTH: Final = 2**31 - 1
"""Characters in a line, so that none is folded: the largest number that libyaml takes."""
_TEXT = "tag:yaml.org,2002:str"
_BEGIN = (yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False))
_END = (yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent())

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


def to_yaml(data: Plain) -> str:
    """Write plain data as one YAML document: block style, keys in their given order, the same bytes every time.

    What is not ASCII is escaped, so that right-to-left marks and look-alikes are seen for what they are; lone
    surrogates are U+FFFD. Raises TypeError for anything that is not plain data with text keys.
    """
    events = [*_BEGIN, *_events(data), *_END]
    emitter = _QUICK if all(map(_is_common, _keys(data))) else _THOROUGH
    text: str = yaml.emit(events, Dumper=emitter, width=_WIDTH)
    return text.removesuffix("...\n")  # the end mark that PyYAML puts behind a bare scalar


def _events(data: Plain) -> Iterator[yaml.Event]:
    """Yield what an emitter is told: PyYAML's own way to the same events takes ten times as long."""
    if isinstance(data, dict):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
        for key, value in data.items():
            if not isinstance(key, str):
                raise TypeError(f"a key of YAML data is text, not {type(key).__name__}")
            yield _text(key)
            yield from _events(value)
        yield yaml.MappingEndEvent()
    elif isinstance(data, list | tuple):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
        for value in data:
            yield from _events(value)
        yield yaml.SequenceEndEvent()
    elif isinstance(data, str):
        yield _text(data)
    elif data is None or isinstance(data, bool | int | float):
        yield yaml.ScalarEvent(None, None, (True, False), SafeRepresenter().represent_data(data).value)
    else:
        raise TypeError(f"YAML data cannot hold a {type(data).__name__}")


def _text(text: str) -> yaml.ScalarEvent:
    """Return the event of text: quoted wherever any reader could take it for something else."""
    if is_plain(text):
        return yaml.ScalarEvent(None, _TEXT, (True, True), text)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return yaml.ScalarEvent(None, _TEXT, (False, True), whole, style='"')


def _keys(data: Plain) -> Iterator[str]:
    if isinstance(data, dict):
        yield from data
        data = data.values()
    elif not isinstance(data, list | tuple):
        return
    for value in data:
        yield from _keys(value)


def _is_common(key: str) -> bool:
    """Say whether both emitters write a key alike: of an empty, long or odd one each makes a form of its own."""
    return 0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()
