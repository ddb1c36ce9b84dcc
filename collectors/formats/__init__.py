"""Turns flow logs into flows: a module for each format, and what they share.

A format is a module with `NAME`, `sniff(head) -> bool` and `read(stream) -> Iterator[Batch]`; FORMATS lists them.
"""

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
from collectors.formats.batch import Batch, Loss
from collectors.formats.fold import Fold
from collectors.formats.reading import Format, LogCounter, LogReading, first_times_of, read_batches, read_log

__all__ = [
    "FORMATS",
    "Batch",
    "Fold",
    "Format",
    "LogCounter",
    "LogReading",
    "Loss",
    "first_times_of",
    "read_batches",
    "read_log",
    "sniff_log",
]

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
