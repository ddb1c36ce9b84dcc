"""Turns nothing: says what is wrong with a name, label, port name or CIDR, by the rules of the Kubernetes API.

Each function gives "" for a good value and else the fault, as the end of the sentence "X ...". Source:
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/, and the answers of a
kube-apiserver 1.36.
"""

import ipaddress
import re
from functools import lru_cache

_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_LABEL_TEXT = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_CIDR = re.compile(r"([0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)/(0|[1-9][0-9]{0,2})")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def subdomain_fault(name: str) -> str:
    """Say what is wrong with an object's name (RFC 1123 subdomain, at most 253 characters)."""
    if len(name) > 253:
        return f"has {len(name)} characters, more than 253"
    if not _SUBDOMAIN.fullmatch(name):
        return "may hold only lower case letters, digits, '-' and '.', and starts and ends with a letter or digit"
    return ""


def namespace_fault(name: str) -> str:
    """Say what is wrong with a namespace's name (RFC 1123 label, at most 63 characters)."""
    if len(name) > 63:
        return f"has {len(name)} characters, more than 63"
    if not _DNS_LABEL.fullmatch(name):
        return "may hold only lower case letters, digits and '-', and starts and ends with a letter or digit"
    return ""


@lru_cache(maxsize=4096)
def key_fault(key: str) -> str:
    """Say what is wrong with a label's or annotation's key: an optional DNS prefix, "/", and a name."""
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or subdomain_fault(prefix)):
        return "has a prefix before the '/' that is not a DNS name in lower case"
    if len(name) > 63:
        return f"has a name of {len(name)} characters, more than 63"
    if not _LABEL_TEXT.fullmatch(name):
        return "may hold only letters, digits, '-', '_' and '.', and starts and ends with a letter or digit"
    return ""


@lru_cache(maxsize=4096)
def value_fault(value: str) -> str:
    """Say what is wrong with a label's value."""
    if len(value) > 63:
        return f"has {len(value)} characters, more than 63"
    if value and not _LABEL_TEXT.fullmatch(value):
        return "may hold only letters, digits, '-', '_' and '.', and starts and ends with a letter or digit"
    return ""


def port_name_fault(name: str) -> str:
    """Say what is wrong with a port's name (IANA service name)."""
    if len(name) > 15:
        return f"has {len(name)} characters, more than 15"
    if not _DNS_LABEL.fullmatch(name) or "--" in name or not re.search(r"[a-z]", name):
        return "may hold only lower case letters (at least one), digits and single inner '-'"
    return ""


@lru_cache(maxsize=65536)
def parse_cidr(text: str) -> Network | str:
    """Read a CIDR as strictly as the API server does: the network, or what is wrong with the text."""
    parts = _CIDR.fullmatch(text)
    if parts is None:
        return "is no CIDR such as 10.9.8.0/24 or 2001:db8::/64"
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        return "is no CIDR such as 10.9.8.0/24 or 2001:db8::/64"
    if interface.version == 6 and interface.ip.ipv4_mapped is not None:
        return "is an IPv4 network in IPv6 form; write it as IPv4"
    if interface.ip != interface.network.network_address:
        return f"has bits set beyond its prefix; write {interface.network}"
    return interface.network
