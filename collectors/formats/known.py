"""Turns the beginning of a file into the format of flow log that it is of."""

from typing import Final

from collectors.formats import (
    antrea,
    aws_policy_agent,
    aws_vpc,
    azure,
    calico_flow_log,
    calico_goldmane,
    conntrack,
    envoy,
    gcp_vpc,
    generic,
    gke_policy,
    hubble,
    netflow,
    netobserv,
    nfdump,
    suricata,
    zeek,
)
from collectors.formats.reading import Format

FORMATS: Final[tuple[Format, ...]] = (
    hubble,
    zeek,
    aws_vpc,
    conntrack,
    netobserv,
    antrea,
    calico_goldmane,
    calico_flow_log,
    gke_policy,
    gcp_vpc,
    azure,
    suricata,
    nfdump,
    netflow,
    envoy,
    aws_policy_agent,
    generic,
)
"""Every format that is read; no two of them sniff at the same file."""


def sniff_log(head: bytes) -> Format | None:
    """Return the format that a file which begins so is of, None where it is of none."""
    return next((form for form in FORMATS if form.sniff(head)), None)
