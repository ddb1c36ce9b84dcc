"""Turns names of information elements into the numbers that NetFlow v9 and IPFIX templates hold.

IANA's: https://www.iana.org/assignments/ipfix (NetFlow v9 has the same up to 127 and some more); in the other
direction: RFC 5103; Antrea's: https://github.com/vmware/go-ipfix/blob/main/pkg/registry/registry_antrea.csv.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Element(NamedTuple):
    """An information element: its enterprise (0: IANA) and its number there."""

    enterprise: int
    number: int


REVERSE: Final = 29305
"""Enterprise of the elements of IANA that are meant for the other direction."""
ANTREA: Final = 56506
_IANA: Final = {
    "octetDeltaCount": 1, "packetDeltaCount": 2, "protocolIdentifier": 4, "ipClassOfService": 5, "tcpControlBits": 6,
    "sourceTransportPort": 7, "sourceIPv4Address": 8, "sourceIPv4PrefixLength": 9, "ingressInterface": 10,
    "destinationTransportPort": 11, "destinationIPv4Address": 12, "destinationIPv4PrefixLength": 13,
    "egressInterface": 14, "ipNextHopIPv4Address": 15, "bgpSourceAsNumber": 16, "bgpDestinationAsNumber": 17,
    "flowEndSysUpTime": 21, "flowStartSysUpTime": 22, "postOctetDeltaCount": 23, "postPacketDeltaCount": 24,
    "sourceIPv6Address": 27, "destinationIPv6Address": 28, "icmpTypeCodeIPv4": 32, "samplingInterval": 34,
    "samplerId": 48, "samplerRandomInterval": 50, "flowDirection": 61, "octetTotalCount": 85, "packetTotalCount": 86,
    "forwardingStatus": 89, "flowStartSeconds": 150, "flowEndSeconds": 151, "flowStartMilliseconds": 152,
    "flowEndMilliseconds": 153, "flowStartMicroseconds": 154, "flowEndMicroseconds": 155,
    "flowStartNanoseconds": 156, "flowEndNanoseconds": 157, "flowStartDeltaMicroseconds": 158,
    "flowEndDeltaMicroseconds": 159, "systemInitTimeMilliseconds": 160, "paddingOctets": 210,
    "postNATSourceIPv4Address": 225, "postNATDestinationIPv4Address": 226, "postNAPTSourceTransportPort": 227,
    "postNAPTDestinationTransportPort": 228, "natEvent": 230, "initiatorOctets": 231, "responderOctets": 232,
    "firewallEvent": 233, "icmpTypeCodeIPv6": 139, "biflowDirection": 239, "postNATSourceIPv6Address": 281,
    "postNATDestinationIPv6Address": 282, "initiatorPackets": 298, "responderPackets": 299, "selectorId": 302,
    "samplingPacketInterval": 305, "samplingPacketSpace": 306, "samplingSize": 309, "samplingPopulation": 310,
    "samplingProbability": 311, "observationTimeMilliseconds": 323, "originalExporterIPv4Address": 403,
    "originalExporterIPv6Address": 404,
}  # fmt: skip
_REVERSED: Final = (
    "octetDeltaCount", "packetDeltaCount", "octetTotalCount", "packetTotalCount", "tcpControlBits",
)  # fmt: skip
_OF_ANTREA: Final = {
    "sourcePodNamespace": 100, "sourcePodName": 101, "destinationPodNamespace": 102, "destinationPodName": 103,
    "sourceNodeName": 104, "destinationNodeName": 105, "destinationClusterIPv4": 106, "destinationClusterIPv6": 107,
    "destinationServicePort": 108, "tcpState": 136, "ingressNetworkPolicyRuleAction": 139,
    "egressNetworkPolicyRuleAction": 140, "sourcePodLabels": 143, "destinationPodLabels": 144,
}  # fmt: skip


def reverse_name(name: str) -> str:
    """Return what RFC 5103 calls an element of the other direction: octetDeltaCount is reverseOctetDeltaCount."""
    return f"reverse{name[0].upper()}{name[1:]}"


ELEMENTS: Final[Mapping[str, Element]] = (
    {name: Element(0, number) for name, number in _IANA.items()}
    | {reverse_name(name): Element(REVERSE, _IANA[name]) for name in _REVERSED}
    | {name: Element(ANTREA, number) for name, number in _OF_ANTREA.items()}
)
"""Every element that is read, by name. 34 and 50 have no name at IANA that is in use: NetFlow v9 calls them so."""
