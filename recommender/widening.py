"""Turns what a human lets a decision open beyond what was seen into words and plain data, and back."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from collectors.flows import TRANSPORTS
from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication
from recommender.policy import IPBlock

NAMESPACE = "namespace"
_LOWEST, _HIGHEST = 1, 65535
_SPAN = re.compile(r" *([0-9]{1,5}) *- *([0-9]{1,5}) *")


@dataclass(frozen=True)
class Widening:
    """What an accepted communication opens in the place of what was seen; nothing set means: exactly what was seen.

    `addresses` stands for the end that is an address, `ports` (first, last) for the port, `protocols` for the
    protocol. `service_ports` are opened at the source's egress beside the pod's port. With `source` or `destination`
    every pod of that end's namespace is a peer of the other end. `options` names what made it, for readers.
    """

    addresses: IPBlock | None = None
    ports: tuple[int, int] | None = None
    protocols: tuple[str, ...] = ()
    service_ports: tuple[int, ...] = ()
    source: bool = False
    destination: bool = False
    options: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether it widens anything."""
        return self != Widening(options=self.options)

    def __str__(self) -> str:
        parts = []
        if self.addresses is not None:
            parts.append(f"addresses {self.addresses}")
        if self.ports is not None:
            parts.append(f"ports {self.ports[0]}-{self.ports[1]}")
        if self.protocols:
            parts.append(f"protocols {' and '.join(self.protocols)}")
        if self.service_ports:
            parts.append(f"Service ports {', '.join(map(str, self.service_ports))}")
        parts += [f"the {end}'s whole namespace" for end in ("source", "destination") if getattr(self, end)]
        return "; ".join(parts) or "nothing"


def problem(widening: Widening, communication: Communication) -> str:
    """Return why a widening does not fit a communication, "" where it does: it must hold what was seen."""
    src, dst = communication.src, communication.dst
    if widening.addresses is not None:
        inside = [end for end in (src, dst) if isinstance(end, AddressPeer)]
        if not inside:
            return "has `addresses`, but both ends are workloads"
        for end in inside:
            if not holds(widening.addresses, end.address):
                return f"has `addresses` that do not hold {end.address}"
    if widening.ports is not None and not widening.ports[0] <= communication.port <= widening.ports[1]:
        return f"has `ports` that do not hold {communication.port}"
    if widening.protocols and communication.protocol not in widening.protocols:
        return f"has `protocols` without {communication.protocol}"
    if widening.service_ports and not isinstance(src, WorkloadRef):
        return "has `service_ports`, but its source is no workload whose egress could name them"
    for name, whom in (("source", src), ("destination", dst)):
        if getattr(widening, name) and not isinstance(whom, WorkloadRef):
            return f"has `{name}: {NAMESPACE}`, but the {name} is no workload"
    return ""


def holds(block: IPBlock, address: str) -> bool:
    """Say whether a block has an address; its excepts it has not."""
    ip = ipaddress.ip_address(address)
    return ip in ipaddress.ip_network(block.cidr) and not any(ip in ipaddress.ip_network(x) for x in block.excepts)


def size(block: IPBlock) -> int:
    """Count the addresses of a block; its excepts may overlap."""
    gaps = ipaddress.collapse_addresses(ipaddress.ip_network(text) for text in block.excepts)  # type: ignore[type-var]  # one family, see _block
    return ipaddress.ip_network(block.cidr).num_addresses - sum(gap.num_addresses for gap in gaps)


def widening_to_data(widening: Widening) -> dict[str, Any]:
    """Return the plain data that decisions.yaml holds under `widen`; only what is set."""
    found: dict[str, Any] = {}
    if widening.addresses is not None:
        found["addresses"] = widening.addresses.cidr
        if widening.addresses.excepts:
            found["except"] = list(widening.addresses.excepts)
    if widening.ports is not None:
        found["ports"] = f"{widening.ports[0]}-{widening.ports[1]}"
    found.update({name: list(getattr(widening, name)) for name in ("protocols", "service_ports", "options")})
    found.update({name: NAMESPACE for name in ("source", "destination") if getattr(widening, name)})
    return {key: value for key, value in found.items() if value}


_KEYS = ("addresses", "except", *(field.name for field in fields(Widening) if field.name != "addresses"))


def widening_from_data(data: Any) -> Widening:
    """Return the widening in plain data; raises ValueError that says what is wrong and how it should be."""
    if not isinstance(data, Mapping):
        raise ValueError("`widen` should hold keys such as `addresses: 203.0.113.0/24`")  # noqa: TRY004 - one kind of fault
    unknown = [str(key)[:40] for key in data if key not in _KEYS]
    if unknown:
        raise ValueError(f"`widen` has {unknown[0]!r}, which is none of {', '.join(_KEYS)}")
    for end in ("source", "destination"):
        if data.get(end) not in (None, NAMESPACE):
            raise ValueError(f"`{end}` should be `{NAMESPACE}`, or not be there")
    return Widening(
        addresses=_block(data.get("addresses"), data.get("except")),
        ports=_span(data.get("ports")),
        protocols=tuple(sorted({_protocol(text) for text in _listed(data, "protocols")})),
        service_ports=tuple(sorted({_port(number) for number in _listed(data, "service_ports")})),
        source=data.get("source") is not None,
        destination=data.get("destination") is not None,
        options=tuple(str(text) for text in _listed(data, "options")),
    )


def _listed(data: Mapping[str, Any], name: str) -> list[Any]:
    values = data.get(name)
    if values is not None and not isinstance(values, list):
        raise ValueError(f"`{name}` should be a list")
    return values or []


def _block(cidr: Any, excepts: Any) -> IPBlock | None:
    if excepts is not None and not isinstance(excepts, list):
        raise ValueError("`except` should be a list of ranges")
    if cidr is None:
        if excepts:
            raise ValueError("`except` needs `addresses` beside it")
        return None
    whole, parts = _network(cidr), [_network(text) for text in excepts or []]
    for part in parts:
        if part.version != whole.version or part == whole or not part.subnet_of(whole):  # type: ignore[arg-type]  # one family, by the test before
            raise ValueError(f"`except` {part} is not inside {whole}")
    return IPBlock(str(whole), tuple(map(str, sorted(set(parts), key=lambda net: (int(net[0]), net.prefixlen)))))


def _network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text if isinstance(text, str) else repr(text))
    except ValueError:
        network = None
    if network is None or "%" in str(network):  # a zone is whatever text, and no policy can name one
        raise ValueError(f"{str(text)[:60]!r} is no range of addresses such as 203.0.113.0/24")
    return network


def _span(text: Any) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"`ports` is {str(text)[:40]!r}; it should be like 30000-30100")
    low, high = map(int, found.groups())
    if not _LOWEST <= low <= high <= _HIGHEST:
        raise ValueError(f"`ports` is {str(text)[:40]!r}; it should go up, from {_LOWEST} to at most {_HIGHEST}")
    return low, high


def _protocol(text: Any) -> str:
    if text not in TRANSPORTS:
        raise ValueError(f"`protocols` has {str(text)[:40]!r}, which is none of {', '.join(TRANSPORTS)}")
    return str(text)


def _port(number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not _LOWEST <= number <= _HIGHEST:
        raise ValueError(f"`service_ports` has {str(number)[:40]!r}, which is no port number")
    return number
