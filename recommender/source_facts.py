"""Turns nothing: which kinds of flow log show a part of the traffic only, however long one reads them.

By `Source.kind`, the format's name; its page in docs/formats/ says the same at length, with where it is from.
"""

from collections.abc import Mapping
from typing import Final

PARTIAL: Final[Mapping[str, str]] = {
    "aws-network-policy-agent": "tells only of pods that a NetworkPolicy selects",
    "aws-vpc": "tells nothing of traffic between pods of one node",
    "azure-flow-log": "tells nothing of traffic between pods of one node",
    "calico-goldmane": "tells no address outside of the cluster",
    "gcp-vpc": "tells nothing of traffic within a node, unless intranode visibility is on",
    "envoy": "tells only of connections through a sidecar",
    "gke-policy-log": "tells only of connections that a NetworkPolicy decided on",
}
"""What a log of this kind never tells, as the end of a sentence that begins with its name."""
