"""Turns the pods of a workload into the names of ports that all of them agree on."""

import re
from collections.abc import Iterable

from collectors.inventory import Pod

NamedPort = tuple[str, int, str]
"""Protocol, number, name."""

# What the API server takes as a port's name (RFC 6335): nothing else could stand in a policy.
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9](?:-?[a-z0-9]){0,14}")
_LONGEST = 15


def named_ports(pods: Iterable[Pod]) -> tuple[NamedPort, ...]:
    """Return the ports to which every pod gives the same name, and no other number that name; sorted.

    So a rule with the name opens what a rule with the number does, and goes on doing so when a rollout changes the
    number. Host network pods do not count: no policy applies to them. Of two names of one port the first counts.
    """
    shared: set[NamedPort] | None = None
    for pod in pods:
        if not pod.host_network:
            own = _declared(pod)
            shared = own if shared is None else shared & own
    first: dict[tuple[str, int], str] = {}
    for protocol, number, name in sorted(shared or ()):
        first.setdefault((protocol, number), name)
    return tuple((protocol, number, name) for (protocol, number), name in first.items())


def _declared(pod: Pod) -> set[NamedPort]:
    numbers: dict[tuple[str, str], set[int]] = {}
    for port in pod.ports:
        if len(port.name) <= _LONGEST and _NAME.fullmatch(port.name):
            numbers.setdefault((port.protocol, port.name), set()).add(port.number)
    return {(protocol, min(found), name) for (protocol, name), found in numbers.items() if len(found) == 1}
