"""Turns an hour of packets in the lab into what a learner takes for them: memory, processor, packets lost.

    sudo .venv/bin/python -m benchmarks.soak [--seconds 3600] [--rate 2000] [--write]

Pods behind a bridge, each a network namespace, and `podfence learn --interface any` on the node. Whole connections
(handshake, a request, an answer, the end) are sent as raw frames from both sides, so that making them takes little of
the machine. At the end the table says how many connections were sent and how many are in the store.
"""

import argparse
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import README, machine, markdown, paste
from tests.lab.netns import Namespaces, missing

PODS = 30
_PORTS = (80, 443, 5432, 6379, 8080, 9090)
_SYN, _SYN_ACK, _ACK, _PUSH, _FIN, _RST = 0x02, 0x12, 0x10, 0x18, 0x11, 0x04
_FRAMES = ((0, _SYN, 0), (1, _SYN_ACK, 0), (0, _ACK, 0), (0, _PUSH, 120), (1, _ACK, 0), (1, _PUSH, 900), (0, _FIN, 0),
           (1, _FIN, 0), (0, _ACK, 0))  # fmt: skip
"""Who sends (0 client, 1 server), TCP flags, bytes of payload."""
_TICK = 0.01
_EVERY = 10.0


@dataclass(frozen=True)
class Moment:
    """What a learner took so far."""

    seconds: float
    cpu: float
    resident: float
    connections: int


def main() -> None:
    """Run the command."""
    words = _parser().parse_args()
    if lacking := missing():
        raise SystemExit(lacking)
    with tempfile.TemporaryDirectory(dir=words.work) as scratch, Namespaces(["node", *_names()]) as spaces:
        _plug(spaces)
        store = Path(scratch) / "learnt"
        log = (Path(scratch) / "log").open("w+")
        command = [sys.executable, "-m", "recommender.cli", "learn", "--interface", "any", "-o", str(store), "--json"]
        learner = spaces.start("node", *command, output=log, error=log)
        _wait(log, learner)
        moments, sent = list[Moment](), 0
        begun = time.monotonic()
        for sent in _sending(spaces, words.seconds, words.rate):
            seconds = time.monotonic() - begun
            if not moments or seconds >= moments[-1].seconds + _EVERY:
                moments.append(_moment(learner.pid, seconds, sent))
                print(f"{seconds:7.0f} s  {sent:,} connections  {moments[-1].resident:.0f} MB  "
                      f"{moments[-1].cpu:.1f} CPU s", file=sys.stderr)  # fmt: skip
        moments.append(_moment(learner.pid, time.monotonic() - begun, sent))
        time.sleep(2)
        learner.send_signal(signal.SIGTERM)
        if learner.wait(120):
            raise SystemExit(f"the learner failed: {log.name}")
        text = _table(moments, _learnt(store), sent, words)
    print(text)
    if words.write:
        paste(README, "soak", text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=int, default=2000, help="connections a second")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    return parser


def _names() -> list[str]:
    return [f"p{number}" for number in range(PODS)]


def _address(pod: int) -> str:
    return f"10.244.1.{pod + 2}"


def _hardware(pod: int) -> bytes:
    return bytes((0x0A, 0x58, 10, 244, 1, pod + 2))


def _plug(spaces: Namespaces) -> None:
    spaces.ip("node", ["link set lo up", "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                       "link set br0 up"])  # fmt: skip
    for pod, name in enumerate(_names()):
        hardware = ":".join(f"{byte:02x}" for byte in _hardware(pod))
        spaces.ip("node", [f"link add veth{pod} type veth peer name eth0 address {hardware} netns {spaces.full(name)}",
                           f"link set veth{pod} master br0 up"])  # fmt: skip
        # no address: nothing answers but what is sent here
        spaces.ip(name, ["link set eth0 addrgenmode none", "link set eth0 up"])


def _wait(log: object, learner: "subprocess.Popen[str]") -> None:
    for _ in range(600):
        if "learning from" in Path(log.name).read_text():  # type: ignore[attr-defined]  # a file
            return
        if learner.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"the learner did not begin: {Path(log.name).read_text()}")  # type: ignore[attr-defined]  # as above


def _sending(spaces: Namespaces, seconds: float, rate: int) -> Iterator[int]:
    """Send connections at a rate; yield how many there were so far, some times a second."""
    cables = spaces.sockets([(name, socket.AF_PACKET, socket.SOCK_RAW, 0) for name in _names()])
    for cable in cables:
        cable.setblocking(True)
        cable.bind(("eth0", 0))
    begun, sent = time.monotonic(), 0
    while (now := time.monotonic() - begun) < seconds:
        due = int(now * rate) - sent
        for _ in range(min(due, rate)):
            _connection(cables, sent)
            sent += 1
        yield sent
        time.sleep(max(0.0, _TICK - (time.monotonic() - begun - now)))
    yield sent


def _connection(cables: "list[socket.socket]", number: int) -> None:
    client = number % PODS
    server = (client + 1 + number // PODS % 7) % PODS
    port = _PORTS[server % len(_PORTS)]
    ends = (client, 20000 + number // PODS % 40000), (server, port)
    numbers = [number & 0xFFFFFFFF, (number * 7) & 0xFFFFFFFF]
    for side, flags, payload in _FRAMES:
        cables[ends[side][0]].send(_frame(ends[side], ends[1 - side], flags, numbers[side], numbers[1 - side], payload))
        numbers[side] = (numbers[side] + payload + (flags in {_SYN, _SYN_ACK, _FIN})) & 0xFFFFFFFF


def _frame(source: tuple[int, int], target: tuple[int, int], flags: int, seq: int, ack: int, payload: int) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 0x50, flags, 65535, 0, 0) + bytes(payload)
    ends = bytes((10, 244, 1, source[0] + 2, 10, 244, 1, target[0] + 2))
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), seq & 0xFFFF, 0x4000, 64, 6, 0)
    return _hardware(target[0]) + _hardware(source[0]) + b"\x08\0" + header + ends + tcp


def _moment(pid: int, seconds: float, sent: int) -> Moment:
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return Moment(seconds, cpu, resident, sent)


def _learnt(store: Path) -> tuple[int, int, int, int, float]:
    """Return connections, packets, those that the kernel dropped, rows, and MB on disk."""
    from collectors.store import load  # noqa: PLC0415 - late: the learner has the machine to itself

    found = load(store)
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / 1e6
    flows, sources = found.flows, found.window.sources
    own = flows[flows["dst"].astype("str").str.startswith("10.244.1.") & (flows["outcome"] == "established")]
    return (
        int(own["connections"].sum()),
        sum(source.packets for source in sources),
        found.window.drops,
        len(flows),
        size,
    )


def _table(
    moments: list[Moment], learnt: tuple[int, int, int, int, float], sent: int, words: argparse.Namespace
) -> str:
    connections, packets, drops, rows, size = learnt
    places = sorted({min(len(moments) - 1, round(len(moments) * part / 6)) for part in range(1, 7)})
    head = ["after", "connections", "CPU, of one core since before", "resident MB"]
    lines, before = [], moments[0]
    for at in places:
        now = moments[at]
        share = (now.cpu - before.cpu) / max(1e-9, now.seconds - before.seconds)
        lines.append([f"{now.seconds / 60:.0f} min", f"{now.connections:,}", f"{share:.0%}", f"{now.resident:.0f}"])
        before = now
    told = (
        f"{sent:,} connections of {len(_FRAMES)} packets were sent in {words.seconds:.0f} s, about {words.rate:,} a "
        f"second. In the store: {connections:,} established connections in {rows:,} rows ({size:.1f} MB on disk); "
        f"{packets:,} packets passed the filter (each is seen on several interfaces), and the kernel dropped {drops:,}."
    )
    return f"{markdown(head, lines)}\n{told}\n\n{machine()}\n"


if __name__ == "__main__":
    main()
