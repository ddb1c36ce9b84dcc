"""Probes of an enforced lab: what is expected of the shop -> connections to try -> what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.lab import reading
from tests.lab import topology as t
from tests.lab.actors import Servers
from tests.lab.enforce import ClusterView, Object, PodView, compile_nft
from tests.lab.lab import Lab, family_of
from tests.lab.scenario import TALKS

NOBODY = 9999  # a port that no workload of the shop listens on
TURN, PATIENT, IMPATIENT = 0.04, 100, 8  # a lost SYN costs a second; a packet that passes a millisecond
AT_ONCE = 1200
_KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
ALLOWED = [talk for talk in TALKS if talk.expect in {"allow", "allow_guessed"}]
LOCAL = [talk for talk in TALKS if talk.expect == "node_local"]


@dataclass(frozen=True)
class Probe:
    """One connection to try. `number` is the pod port; `port` differs from it at a Service address."""

    src: str
    dst: str
    address: str
    port: int
    number: int
    protocol: str


def pods_at(shop: t.Shop, ref: str) -> list[str]:
    """Actors of a workload; a host is its own."""
    return [pod.name for pod in shop.pods_of(ref)] or [ref]


def _ways(shop: t.Shop, dst: str, port: int, protocol: str) -> Iterator[tuple[tuple[str, str], int]]:
    """Every Service address that leads to a workload's port."""
    for service in shop.services:
        if service.workload != dst:
            continue
        for way in service.ports:
            if (way.number, way.protocol) == (port, protocol):
                if service.cluster4:
                    yield (service.cluster4, service.cluster6), way.port
                if service.ingress:
                    yield service.ingress, way.port
                if way.node_port:
                    yield (t.NODE4, t.NODE6), way.node_port


def must_pass(shop: t.Shop) -> list[Probe]:
    """Everything declared, from each pod to each pod and by each Service address, in each family it has."""
    made = []
    for talk in ALLOWED + LOCAL:
        bound = t.NODE in {talk.src, talk.dst}
        versions = [family == 6 for family in talk.families] if bound else [False, True]
        for src, six in itertools.product(pods_at(shop, talk.src), versions):
            made += [
                Probe(src, talk.dst, shop.addresses(dst)[six], talk.port, talk.port, talk.protocol)
                for dst in pods_at(shop, talk.dst)
            ]
            if talk.src != t.NODE:
                for addresses, port in _ways(shop, talk.dst, talk.port, talk.protocol):
                    made.append(Probe(src, talk.dst, addresses[six], port, talk.port, talk.protocol))
    return made


def ports() -> list[int]:
    """Every port that anything in the shop listens on, and one that nothing does."""
    known = {port.number for work in t.shop().workloads.values() for port in work.ports}
    return [*sorted(known | {443}), NOBODY]


def must_drop(shop: t.Shop) -> list[Probe]:
    """Every other pair, port, protocol and family; which pod stands for its workload changes from pair to pair."""
    chance = random.Random(7)
    allowed = {(probe.src, probe.address, probe.number, probe.protocol) for probe in must_pass(shop)}
    inside = [ref for ref, work in shop.workloads.items() if not work.host_network]
    made = []
    for src, dst in itertools.product([*inside, *t.OUTSIDE], [*inside, *t.OUTSIDE, t.NODE]):
        if src in t.OUTSIDE and (dst in t.OUTSIDE or dst == t.NODE):
            continue
        source, target = chance.choice(pods_at(shop, src)), chance.choice(pods_at(shop, dst))
        for six, port, protocol in itertools.product((0, 1), ports(), _KINDS):
            address = shop.addresses(target)[six]
            if source != target and (source, address, port, protocol) not in allowed:
                made.append(Probe(source, dst, address, port, port, protocol))
    return made + _services_to_drop(shop, allowed, inside, chance)


def _services_to_drop(
    shop: t.Shop, allowed: set[tuple[str, str, int, str]], inside: Sequence[str], chance: random.Random
) -> list[Probe]:
    """Return the same by Service addresses: translation must not open what is closed."""
    made = []
    for src, service in itertools.product([*inside, *t.OUTSIDE], shop.services):
        source = chance.choice(pods_at(shop, src))
        for way in service.ports:
            backends = [shop.addresses(name) for name in pods_at(shop, service.workload)]
            if src == service.workload or not service.cluster4:
                continue  # to itself by hairpin: not a peer rule, and the headless one has no address
            for six in (0, 1):
                if any((source, backend[six], way.number, way.protocol) in allowed for backend in backends):
                    continue
                address = (service.cluster4, service.cluster6)[six]
                made.append(Probe(source, service.workload, address, way.port, way.number, way.protocol))
    return made


def cluster_view(shop: t.Shop) -> ClusterView:
    """Return the shop as the enforcer knows it."""
    return ClusterView(
        [
            PodView(
                pod.name,
                pod.workload.namespace,
                pod.labels,
                (pod.ip4, pod.ip6),
                {(port.name, port.protocol): port.number for port in pod.workload.ports},
            )
            for pod in shop.pods
            if not pod.workload.host_network
        ],
        {name: {"kubernetes.io/metadata.name": name} for name in t.NAMESPACES},
    )


class Enforced:
    """A lab in which every actor listens on every port that is probed, and policies can be put in force."""

    def __init__(self, lab: Lab, servers: Servers, runner: asyncio.Runner) -> None:
        self.lab, self.shop, self._runner = lab, lab.shop, runner
        self.cluster = cluster_view(lab.shop)
        self._moves = 0
        actors = [pod.name for pod in lab.pods] + [t.NODE, *t.OUTSIDE]
        servers.listen(
            [
                (actor, port, kind, lambda _, actor=actor: actor.encode())
                for actor, port, kind in itertools.product(actors, ports(), _KINDS.values())
            ]
        )

    def apply(self, policies: Sequence[Object]) -> None:
        """Put these policies, and no others, in force for every packet from now on."""
        self.load(compile_nft(policies, self.cluster))

    def load(self, text: str) -> None:
        """Put a ruleset of the caller's in force."""
        self.lab.nft(text)
        self.lab.flush_conntrack()

    def probe(self, probes: Sequence[Probe], hopeful: set[Probe] | frozenset[Probe] = frozenset()) -> dict[Probe, str]:
        """Say of each `passed`, `dropped`, `refused` or who else answered; the hopeful get time for a lost packet."""
        found: dict[Probe, str] = {}
        for at in range(0, len(probes), AT_ONCE):
            some = probes[at : at + AT_ONCE]
            found |= zip(some, self._runner.run(self._some(some, hopeful)), strict=True)
        return found

    async def _some(self, probes: Sequence[Probe], hopeful: set[Probe] | frozenset[Probe]) -> list[str]:
        """Let them all run until nothing has moved for a while.

        Time is counted in turns of the loop in which nothing happened, not by a clock from the start: on a busy
        machine a packet that passes may be late, and must not be taken for one that was dropped.
        """
        sockets = self.lab.sockets([(p.src, family_of(p.address), _KINDS[p.protocol]) for p in probes])
        tasks = [asyncio.create_task(self._one(*each)) for each in zip(probes, sockets, strict=True)]
        still = 0
        while pending := [task for task in tasks if not task.done()]:
            before = self._moves
            await asyncio.wait(pending, timeout=TURN)
            still = 0 if self._moves != before else still + 1
            for probe, task in zip(probes, tasks, strict=True):
                if still >= (PATIENT if probe in hopeful else IMPATIENT):
                    task.cancel()
        return ["dropped" if task.cancelled() else task.result() for task in tasks]

    async def _one(self, probe: Probe, sock: socket.socket) -> str:
        loop = asyncio.get_running_loop()
        with sock:
            if probe.protocol == "TCP":  # leave no TIME_WAIT behind: tens of thousands of these are opened
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if probe.src == t.NODE:
                sock.bind((self.shop.addresses(t.NODE)[":" in probe.address], 0))
            try:
                await loop.sock_connect(sock, (probe.address, probe.port))
                self._moves += 1
                await loop.sock_sendall(sock, b"?")
                who = (await loop.sock_recv(sock, 256)).decode()
            except OSError as error:
                return f"refused: {error}"
            finally:
                self._moves += 1
        return "passed" if who in pods_at(self.shop, probe.dst) else f"answered by {who}"

    def workload_of(self, actor: str) -> str:
        """Return the workload of a pod."""
        return next(pod.workload.ref for pod in self.shop.pods if pod.name == actor)

    def connection(self, probe: Probe) -> list[reading.Connection]:
        """Return what the probe may be after DNAT: one connection per pod that may get it."""
        targets = pods_at(self.shop, probe.dst)
        six = ":" in probe.address
        direct = [name for name in targets if self.shop.addresses(name)[six] == probe.address]
        return [
            reading.Connection(self._end(probe.src, six), self._end(name, six), probe.protocol, probe.number)
            for name in direct or targets
        ]

    def _end(self, actor: str, six: bool) -> reading.End:
        address = self.shop.addresses(actor)[six]
        pod = next((view for view in self.cluster.pods if view.name == actor), None)
        return reading.End(address, pod.namespace, pod.labels, pod.ports) if pod else reading.End(address)


@contextlib.contextmanager
def enforced() -> Iterator[Enforced]:
    """Return the shop after everything was rolled out again: other names, hashes and addresses than in the samples."""
    with Lab(t.shop(1)) as lab, asyncio.Runner() as runner:

        async def servers() -> Servers:
            return Servers(lab)

        open_servers = runner.run(servers())
        try:
            ready = Enforced(lab, open_servers, runner)
            time.sleep(2)  # until then link-local addresses are checked for duplicates, and first packets wait for it
            yield ready
        finally:
            runner.run(open_servers.__aexit__())
