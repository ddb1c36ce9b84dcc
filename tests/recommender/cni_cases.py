"""A few communications and short ways to ask what a CNI would do with policies for them."""

from dataclasses import replace

from collectors.observation import ObservationWindow
from recommender.cni import cni_warnings
from recommender.cni_profiles import PROFILES
from recommender.communications import AddressPeer
from recommender.generate import generate
from recommender.review import Decision, accept_observed, review
from recommender.suggest import suggest
from tests.recommender import simulated
from tests.recommender.simulated import cluster, pod, policy

NODE = AddressPeer("192.168.1.5", "node", "node-5")
API_SERVER = AddressPeer("192.168.1.9", "api_server", "default/kubernetes")
CACHE = AddressPeer("169.254.20.10", "link_local")
METADATA = AddressPeer("169.254.169.254", "link_local")
CLIENT = AddressPeer("198.51.100.7", "external")
ALL = tuple(PROFILES)


def seen(*ends, **more):
    """Make one communication whose handshake was seen; ends as in simulated.seen."""
    communication = simulated.seen(*ends, **more)
    return replace(communication, evidence=replace(communication.evidence, orientations=("handshake",)))


def via(communication, *services):
    """Return the communication as one that went through Services."""
    return replace(communication, evidence=replace(communication.evidence, services=services))


def decided(*communications, declined=(), pods=()):
    """Return the review of communications among web, api and away/far, all accepted but those declined."""
    known = cluster(
        pod("web-1", "10.0.0.1", of="web"), pod("api-1", "10.0.0.2", of="api"),
        pod("far-1", "10.0.0.3", of="far", namespace="away"), *pods,
    )  # fmt: skip
    found = suggest(communications, known, ObservationWindow())
    assert len(found.items) == len(communications), found.withheld
    refused = [Decision(item.id, "decline") for item in found.items if item.communication in declined]
    return review(found, accept_observed(found, refused))


def warned(cni, policies, *communications, services=None, **more):
    """Return the warnings that policies give after these communications."""
    return cni_warnings(policies, decided(*communications, **more), PROFILES[cni], services)


def kinds(cni, policies, *communications, **more):
    """Return the kinds of these warnings."""
    return [warning.kind for warning in warned(cni, policies, *communications, **more)]


def exported(cni, *communications, **more):
    """Return the warnings that the export of these communications gives."""
    reviewed = decided(*communications, **more)
    return cni_warnings(generate(reviewed), reviewed, PROFILES[cni])


def egress(*rules, select="web", **more):
    """Make a policy of these egress rules."""
    return [policy("web", select={"app": select}, types=["Egress"], egress=list(rules), **more)]


def ingress(*rules, select="web"):
    """Make a policy of these ingress rules."""
    return [policy("web", select={"app": select}, types=["Ingress"], ingress=list(rules))]


def ports(*numbers, protocol="TCP", end=None):
    """Make the ports of a rule."""
    entry = {"endPort": end} if end else {}
    return {"ports": [{"port": number, "protocol": protocol, **entry} for number in numbers]}
