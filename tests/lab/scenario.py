"""Who talks to whom in the shop: a declaration -> real traffic, and -> the rows of expected.csv."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.lab import actors, dns
from tests.lab import topology as t
from tests.lab.lab import Lab

HEADER = ("src", "dst", "protocol", "port", "expect", "note")


@dataclass(frozen=True)
class Talk:
    """One declared communication. `via` names a Service and its port; without it pods are called by address."""

    src: str
    dst: str
    protocol: str
    port: int
    expect: str = "allow"
    via: str = ""
    via_port: int = 0
    times: int = 8
    families: tuple[int, ...] = (4, 6)
    note: str = ""


def _dns(src: str) -> Talk:
    return Talk(src, t.COREDNS, "UDP", 53, via="kube-system/kube-dns", via_port=53, note="asked by every named call")


TALKS: tuple[Talk, ...] = (
    Talk(
        t.CLIENT,
        t.TRAEFIK,
        "TCP",
        8000,
        via="kube-system/traefik",
        via_port=80,
        times=12,
        note="LoadBalancer address, source kept; NodePort 30080 now and then",
    ),
    Talk(t.TRAEFIK, t.WEB, "TCP", 8080, via="shop/web", via_port=80, times=15, note="Service port 80, pod port http"),
    Talk(t.WEB, t.API, "TCP", 3000, via="shop/api", via_port=80, times=10, note="Service port 80, pod port 3000"),
    Talk(t.API, t.POSTGRES, "TCP", 5432, via="data/postgres", via_port=5432),
    Talk(t.API, t.REDIS, "TCP", 6379, via="data/redis", via_port=6380, note="Service port 6380, pod port 6379"),
    Talk(t.API, t.STATSD, "UDP", 8125, via="monitoring/statsd", via_port=8125, times=12, note="never answered"),
    Talk(t.API, t.PAYMENTS, "TCP", 8080, via="shop/payments", via_port=80, times=6),
    Talk(t.PAYMENTS, t.EXTERNAL, "TCP", 443, times=6, note=f"{t.EXTERNAL_NAME}, by DNS and TLS SNI"),
    Talk(
        t.WORKER,
        t.QUEUE,
        "TCP",
        5672,
        "allow_guessed",
        families=(4,),
        times=20,
        note="one connection opened before the capture began",
    ),
    Talk(t.WORKER, t.POSTGRES, "TCP", 5432, via="data/postgres", via_port=5432),
    Talk(
        t.REPORT,
        t.POSTGRES,
        "TCP",
        5432,
        via="data/postgres",
        via_port=5432,
        times=5,
        note="the pod ends, and web gets its address",
    ),
    *(_dns(src) for src in (t.TRAEFIK, t.WEB, t.API, t.PAYMENTS, t.WORKER, t.REPORT)),
    Talk(t.API, t.COREDNS, "TCP", 53, via="kube-system/kube-dns", via_port=53, times=4),
    Talk(t.PROMETHEUS, t.API, "TCP", 9090, times=6, note="scraped at pod addresses"),
    Talk(t.PROMETHEUS, t.COREDNS, "TCP", 9153, times=6),
    Talk(t.PROMETHEUS, t.TRAEFIK, "TCP", 9100, times=6),
    Talk(t.PROMETHEUS, t.NODE, "TCP", 9101, times=6, families=(4,), note="node-exporter, hostNetwork"),
    Talk(t.NODE, t.API, "TCP", 3000, "node_local", times=6, families=(4,), note="kubelet probe"),
    Talk(t.NODE, t.WEB, "TCP", 8080, "node_local", times=6, families=(4,), note="kubelet probe"),
    Talk(t.WEB, t.API, "ICMP", 0, "inexpressible", times=4, families=(4,)),
    Talk(t.WEB, t.API, "ICMPv6", 0, "inexpressible", times=4, families=(6,)),
    Talk(t.DEBUG, t.POSTGRES, "TCP", 22, "refused", times=2, note="scan of a closed port"),
    Talk(t.DEBUG, t.API, "TCP", 8081, "refused", times=2, note="scan of a closed port"),
    Talk(t.DEBUG, t.WEB, "TCP", 23, "refused", times=2, note="scan of a closed port"),
    Talk(t.DEBUG, t.API, "UDP", 161, "refused", times=2, note="answered by ICMP port unreachable"),
    Talk(t.DEBUG, t.REDIS, "TCP", 6379, "unanswered", times=2, note="dropped on the way to a port that is open"),
    Talk(t.DEBUG, t.PAYMENTS, "TCP", 6666, "unanswered", times=2, note="dropped on the way"),
    Talk(t.DEBUG, t.POSTGRES, "TCP", 5432, "half_open", times=2, note="SYN, SYN-ACK, RST"),
    Talk(t.DEBUG, t.API, "TCP", 3000, "half_open", times=2, note="SYN, SYN-ACK, RST"),
)

DROPS = {(talk.dst, talk.port) for talk in TALKS if talk.expect == "unanswered"}


def _names(actor: str, families: Sequence[int]) -> Iterator[str]:
    """How expected.csv names an end: workloads once, hosts by each address."""
    if actor == t.NODE or actor in t.OUTSIDE:
        addresses = (t.NODE4, t.NODE6) if actor == t.NODE else t.OUTSIDE[actor]
        yield from (f"{'node' if actor == t.NODE else 'external'}:{addresses[f == 6]}" for f in families)
    else:
        yield actor


def expected() -> list[tuple[str, str, str, int, str, str]]:
    """Return the rows of expected.csv, sorted."""
    return sorted(
        (src, dst, talk.protocol, talk.port, talk.expect, talk.note)
        for talk in TALKS
        for src in _names(talk.src, talk.families)
        for dst in _names(talk.dst, talk.families)
    )


def zone(shop: t.Shop) -> dict[str, tuple[str, str]]:
    """Names -> addresses, as CoreDNS serves them."""
    names = {service.host: (service.cluster4, service.cluster6) for service in shop.services if service.cluster4}
    return {**names, t.EXTERNAL_NAME: t.OUTSIDE[t.EXTERNAL]}


def _request(talk: Talk, turn: int) -> list[bytes]:
    """Return what a client says; sizes and forms as the protocol has them, contents invented."""
    if talk.port == 443:
        return [actors.client_hello(t.EXTERNAL_NAME)]
    if talk.port == 5432:
        query = b"select id, total from orders where id > %d\0" % (turn * 50)
        return [b"Q" + (len(query) + 4).to_bytes(4, "big") + query] * 2
    if talk.port == 6379:
        return [b"*2\r\n$3\r\nGET\r\n$7\r\ncart:%02d\r\n" % (turn % 100)]
    path = b"/metrics" if talk.src == t.PROMETHEUS else b"/healthz" if talk.src == t.NODE else b"/orders/%d" % turn
    return [b"GET " + path + b" HTTP/1.1\r\nHost: " + talk.dst.rpartition("/")[2].encode() + b"\r\nAccept: */*\r\n\r\n"]


def _reply(port: int) -> actors.Answer:
    """Return what a server says on this port."""
    if port == 443:
        return lambda _: bytes.fromhex("15030300020228")  # a TLS alert: these two share no cipher
    if port == 5432:
        return lambda _: b"T\0\0\0\x1eid\0total\0" + b"D\0\0\0\x16\0\x02" * 4 + b"C\0\0\0\x0dSELECT 4\0Z\0\0\0\5I"
    if port in {6379, 5672}:
        return lambda data: b"$5\r\nhello\r\n" if port == 6379 else b"\1" + data[:24] + b"\xce"
    body = b"# metrics\nup 1\n" * 8 if port in {9090, 9153, 9100, 9101} else b'{"status":"ok"}'
    return lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@dataclass
class Times:
    """When things happened, in seconds since the epoch: the inventory is dated by it."""

    start: float = 0
    report_start: float = 0
    report_end: float = 0
    web_start: float = 0
    end: float = 0


@dataclass
class Scenario:
    """Drives the declared traffic through a lab for some seconds."""

    lab: Lab
    seconds: float
    times: Times = field(default_factory=Times)
    done: Counter[tuple[Talk, int]] = field(default_factory=Counter)

    def serve(self, servers: actors.Servers) -> None:
        """Open every port that the shop listens on."""
        names = zone(self.lab.shop)
        for pod in self.lab.shop.pods:
            if pod in self.lab.asleep:
                continue
            self._serve_pod(servers, pod, names)
        servers.tcp(t.EXTERNAL, 443, _reply(443))

    def _serve_pod(self, servers: actors.Servers, pod: t.Pod, names: dict[str, tuple[str, str]]) -> None:
        for port in pod.workload.ports:
            if port.number == 53 and port.protocol == "UDP":
                servers.udp(pod.name, 53, lambda data: dns.answer(data, names))
            elif port.number == 53:
                servers.tcp(pod.name, 53, lambda data: _framed(dns.answer(data[2:], names)))
            elif port.protocol == "UDP":
                servers.udp(pod.name, port.number, lambda _: b"")
            else:
                servers.tcp(pod.name, port.number, _reply(port.number))

    def drops(self) -> str:
        """Write the nft text that swallows what the scanner shall get no answer to."""
        shop = self.lab.shop
        debug = shop.pods_of(t.DEBUG)[0]
        rules = [
            f"{word} saddr {own} {word} daddr {other} tcp dport {port} drop"
            for ref, port in sorted(DROPS)
            for pod in shop.pods_of(ref)
            for word, own, other in (("ip", debug.ip4, pod.ip4), ("ip6", debug.ip6, pod.ip6))
        ]
        body = "\n    ".join(rules)
        return f"table inet lab_drops {{ chain c {{\n    type filter hook forward priority -5;\n    {body}\n  }}\n}}\n"

    async def open_long(self) -> object:
        """Open the worker's connection to the queue, before anyone captures."""
        queue = self.lab.shop.service("data/queue")
        worker = self.lab.shop.pods_of(t.WORKER)[0]
        return await actors.connect(self.lab, worker.name, queue.cluster4, 5672, 5)

    async def run(self, servers: actors.Servers, long: object) -> None:
        """Play all of it; raises when a declared communication did not come about."""
        self.times.start = time.time()
        async with asyncio.TaskGroup() as group:
            for index, talk in enumerate(TALKS):
                if talk.expect == "allow_guessed":
                    group.create_task(self._long(talk, long))
                elif talk.port != 53 or talk.protocol == "TCP":
                    group.create_task(self._talk(talk, random.Random(index)))
            group.create_task(self._handover(servers))
        self.times.end = time.time()
        if silent := [key for key in _wanted() if self.done[key] < 2]:
            raise AssertionError(f"declared, but did not happen twice: {silent}")

    async def _long(self, talk: Talk, sock: object) -> None:
        loop = asyncio.get_running_loop()
        for turn in range(talk.times):
            await asyncio.sleep(self.seconds / (talk.times + 1))
            await loop.sock_sendall(sock, b"\1\0\1\0\0\0\x14basic.get:orders:%04d\xce" % turn)
            async with asyncio.timeout(5):
                await loop.sock_recv(sock, 4096)
            self.done[talk, 4] += 1

    async def _handover(self, servers: actors.Servers) -> None:
        """End the report a good second after its last words; later start the third web pod on its address."""
        report = self.lab.shop.pods_of(t.REPORT)[0]
        late = next(iter(self.lab.asleep))
        await asyncio.sleep(max(0.0, self.times.report_start + 0.25 * self.seconds + 1.2 - time.time()))
        self.times.report_end = time.time()
        await asyncio.sleep(max(1.2, 0.15 * self.seconds))
        self.times.web_start = time.time()
        self.lab.replace(report, late)
        self._serve_pod(servers, late, {})

    def _present(self, pod: t.Pod) -> bool:
        return pod not in self.lab.asleep and not (pod.workload.ref == t.REPORT and self.times.report_end)

    async def _talk(self, talk: Talk, chance: random.Random) -> None:
        """Take the turns of one communication, spread over the time with a little irregularity."""
        span = (0.22 if talk.src == t.REPORT else 0.96) * self.seconds
        if talk.src == t.REPORT:
            self.times.report_start = time.time()
        began = time.monotonic()
        for turn in range(talk.times):
            at = span * (turn + 0.2 + 0.6 * chance.random()) / talk.times
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            for family in talk.families:
                for source in self._sources(talk.src):
                    await self._once(talk, source, family, turn)
                    self.done[talk, family] += 1

    def _sources(self, src: str) -> list[str]:
        if src == t.NODE or src in t.OUTSIDE:
            return [src]
        return [pod.name for pod in self.lab.shop.pods_of(src) if self._present(pod)]

    async def _targets(self, talk: Talk, source: str, family: int, turn: int) -> list[tuple[str, int]]:
        """Where this turn connects to: what DNS says of a name, or pod addresses as a scraper knows them."""
        six = family == 6
        if talk.src == t.CLIENT:
            if turn % 4 == 3:
                return [((t.NODE4, t.NODE6)[six], 30080)]
            return [(self.lab.shop.service(talk.via).ingress[six], talk.via_port)]
        if talk.via and talk.port == 53:
            service = self.lab.shop.service(talk.via)
            return [((service.cluster4, service.cluster6)[six], 53)]
        if talk.via or talk.dst == t.EXTERNAL:
            host = self.lab.shop.service(talk.via).host if talk.via else t.EXTERNAL_NAME
            return [(await self.resolve(source, host, family), talk.via_port or talk.port)]
        if talk.dst == t.NODE:
            return [((t.NODE4, t.NODE6)[six], talk.port)]
        pods = [pod for pod in self.lab.shop.pods_of(talk.dst) if self._present(pod)]
        return [(pod.ip6 if six else pod.ip4, talk.port) for pod in pods]

    async def resolve(self, source: str, host: str, family: int) -> str:
        """Ask the cluster's DNS over UDP, in the same family as the call that follows."""
        service = self.lab.shop.service("kube-system/kube-dns")
        server, kind = (service.cluster6, dns.AAAA) if family == 6 else (service.cluster4, dns.A)
        found = dns.address(await actors.ask_udp(self.lab, source, server, 53, dns.question(host, kind)))
        if source in {pod.name for pod in self.lab.shop.pods}:
            ref = next(pod.workload.ref for pod in self.lab.shop.pods if pod.name == source)
            self.done[_dns(ref), family] += 1
        return found

    async def _once(self, talk: Talk, source: str, family: int, turn: int) -> None:
        for address, port in await self._targets(talk, source, family, turn):
            if talk.expect in {"refused", "unanswered", "half_open"}:
                await self._scan(talk, source, address, turn)
            elif talk.protocol in {"ICMP", "ICMPv6"}:
                await actors.ping(self.lab, source, address, turn)
            elif talk.protocol == "UDP":
                metric = b"shop.api.orders:%d|c" % turn
                await actors.ask_udp(self.lab, source, address, port, metric, reply=False)
            elif talk.port == 53:
                query = dns.question(self.lab.shop.service("data/postgres").host, dns.A)
                await actors.ask_tcp(self.lab, source, address, port, [_framed(query)])
            else:
                own = t.NODE4 if talk.src == t.NODE else ""
                await actors.ask_tcp(self.lab, source, address, port, _request(talk, turn), source=own)

    async def _scan(self, talk: Talk, source: str, address: str, turn: int) -> None:
        """Make an attempt that must end as declared, or the declaration is a lie."""
        if talk.expect == "half_open":
            own = self.lab.shop.addresses(source)[":" in address]
            actors.half_open(self.lab, source, own, address, talk.port, 40000 + turn)
            return
        try:
            if talk.protocol == "UDP":
                await actors.ask_udp(self.lab, source, address, talk.port, b"0)\2\1\0\4\6public", wait=2)
            else:
                (await actors.connect(self.lab, source, address, talk.port, 1.5)).close()
        except ConnectionRefusedError:
            outcome = "refused"
        except TimeoutError:
            outcome = "unanswered"
        else:
            outcome = "established"
        if outcome != talk.expect:
            raise AssertionError(f"{talk} was {outcome}")


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def _wanted() -> list[tuple[Talk, int]]:
    return [(talk, family) for talk in TALKS for family in talk.families]
