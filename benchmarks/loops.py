"""Turns a capture into counters per conversation with a loop over dpkt or scapy, as one would write it by hand.

    PYTHON benchmarks/loops.py dpkt|scapy FILE

It runs in any Python that has the library, so it imports nothing of ours.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Seen = tuple[Any, Any, int, int, int, int]
"""Source, destination, source port, destination port, protocol, bytes."""


def with_dpkt(path: Path) -> Iterator[Seen | None]:
    """Yield what each packet says, None where it is no IP."""
    import dpkt  # noqa: PLC0415 -- one library or the other

    with path.open("rb") as file:
        for _, data in dpkt.pcap.UniversalReader(file):
            ip = dpkt.ethernet.Ethernet(data).data
            if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6):
                yield None
                continue
            above = ip.data
            ports = hasattr(above, "sport")
            size = ip.len if isinstance(ip, dpkt.ip.IP) else ip.plen + 40
            yield ip.src, ip.dst, above.sport if ports else 0, above.dport if ports else 0, ip.p, size


def with_scapy(path: Path) -> Iterator[Seen | None]:
    """Yield what each packet says, None where it is no IP."""
    from scapy.layers.inet import IP, TCP, UDP  # noqa: PLC0415
    from scapy.layers.inet6 import IPv6  # noqa: PLC0415
    from scapy.utils import PcapReader  # noqa: PLC0415

    with PcapReader(str(path)) as packets:
        for packet in packets:
            four = IP in packet
            if not four and IPv6 not in packet:
                yield None
                continue
            ip = packet[IP] if four else packet[IPv6]
            above = next((packet[layer] for layer in (TCP, UDP) if layer in packet), None)
            src_port, dst_port = (above.sport, above.dport) if above is not None else (0, 0)
            protocol, size = (ip.proto, ip.len) if four else (ip.nh, ip.plen + 40)
            yield ip.src, ip.dst, src_port, dst_port, protocol, size


def main() -> None:
    """Run the command."""
    loop = {"dpkt": with_dpkt, "scapy": with_scapy}[sys.argv[1]]
    flows: dict[tuple[Any, ...], list[int]] = {}
    packets = 0
    for seen in loop(Path(sys.argv[2])):
        packets += 1
        if seen is None:
            continue
        src, dst, src_port, dst_port, protocol, size = seen
        back = (src, src_port) > (dst, dst_port)
        key = (dst, dst_port, src, src_port, protocol) if back else (src, src_port, dst, dst_port, protocol)
        counts = flows.setdefault(key, [0, 0, 0, 0])
        counts[back] += 1
        counts[2 + back] += size
    print(json.dumps({"packets": packets, "flows": len(flows)}))


if __name__ == "__main__":
    main()
