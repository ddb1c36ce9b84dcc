"""Outcomes and hostile names that the tests of drawings share."""

from dataclasses import replace
from itertools import product

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, Evidence
from recommender.drawings import Drawing, drawing_of
from recommender.outcomes import EndVerdict, Outcome

WEB, API = WorkloadRef("shop", "Deployment", "web"), WorkloadRef("shop", "Deployment", "api")
QUEUE = WorkloadRef("data", "StatefulSet", "queue")
BANK = AddressPeer("2001:db8::23", "external")
NODE = AddressPeer("192.168.50.11", "node", "kube-system/DaemonSet/node-exporter")

HOSTILE = (
    'a"b',
    "a\\",
    'a\\"; evil -> evil; "',
    "end",
    "subgraph",
    "x]\nend\nevil --> evil",
    "`**bold**`",
    "#quot;",
    "#35;",
    "&quot;&lt;b&gt;",
    "<script>alert(1)</script>",
    'click n0 "javascript:alert(1)"',
    "%%{init: {}}%%",
    "style:x#y;",
    "a|b|c",
    "{a}(b)[c]",
    "\\N\\G\\n",
    "a\x1b[31m\x00\u202e",
    "lone \udc80",
    "",
    "   ",
    "é世",
    "n" * 9000,
)


def seen(src, dst, port=80, protocol="TCP", connections=1, one_way=0):
    failed = () if connections or one_way else (("refused", 1),)
    evidence = Evidence(None, None, connections=connections, one_way=one_way, failed=failed)
    return Communication(src, dst, protocol, port, evidence)


def judged(spoken, verdict, reason="no rule lets it"):
    end = EndVerdict(verdict, isolated=verdict != "allowed")
    return Outcome(spoken, verdict, end, end, reason)


def small() -> Drawing:
    """Return a drawing in which every verdict meets every beginning."""
    ports = enumerate(product(("allowed", "denied", "undecidable"), (0, 1)), 8000)
    items = [judged(seen(WEB, API, port, connections=worked), verdict) for port, (verdict, worked) in ports]
    return drawing_of([*items, judged(seen(API, BANK, 443), "allowed"), judged(seen(NODE, QUEUE), "denied")])


def hostile(name: str) -> Drawing:
    """Return a drawing in which a name stands everywhere that others can put it."""
    ref = WorkloadRef(name, name, name)
    address = AddressPeer(name, name, name)
    spoken = [seen(ref, WEB), seen(WEB, ref, protocol=name), seen(address, ref, 0, name), seen(ref, replace(ref))]
    return drawing_of(judged(item, "denied", name) for item in spoken)
