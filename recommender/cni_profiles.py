"""Turns what implementations of NetworkPolicy do differently into data, each point with the place that says so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final, Generic, Literal, TypeVar

from collectors.errors import PodfenceError, one_line
from recommender.policy import EGRESS, INGRESS, PolicyType
from recommender.text import visible

T = TypeVar("T")


@dataclass(frozen=True)
class Trait(Generic[T]):
    """One thing an implementation does, in one sentence, and where that is written."""

    value: T
    sentence: str
    source: str


@dataclass(frozen=True)
class Profile:
    """What one implementation does; None where no source was found, which is not the same as no difference.

    `egress_sees`: what a packet is sent to when egress is checked, the pod behind a Service or the Service itself.
    `equal_ports`: whether a Service port must be the pod's. `service_selectors`: whether a rule reaches a Service only
    if its podSelector takes the Service's selector. `pod_blocks`, `node_blocks`, `local_blocks`: whether an ipBlock
    takes pods, nodes, link-local addresses served on the node. `host_network`: whether sources on the host network
    come with their node's address. `end_port`: the first version, "" if all that matter. `named_ports`: by each pod's
    own number, by one number only, or as any port. `nameless_blocks`: directions in which named ports beside an
    ipBlock are left out. `whole_ipv6`: what ::/0 is taken for. `families`: whether IPv4 and IPv6 hold together.
    `ports_per_peer`: the most protocol and port pairs for one address. `standalone_pods`: whether policies hold for
    pods without a controller. `own_node`: the directions in which a pod's own node is always let through.
    `client_address`: whether a client outside keeps its address on the way through a node to a Service.
    """

    name: str
    title: str
    egress_sees: Trait[Literal["pod", "service"]]
    client_address: Trait[Literal["kept", "replaced"]]
    equal_ports: Trait[bool] | None = None
    service_selectors: Trait[bool] | None = None
    pod_blocks: Trait[bool] | None = None
    node_blocks: Trait[bool] | None = None
    local_blocks: Trait[bool] | None = None
    host_network: Trait[bool] | None = None
    own_node: Trait[tuple[PolicyType, ...]] | None = None
    end_port: Trait[str] | None = None
    sctp: Trait[Literal["yes", "on_request", "unsure"]] | None = None
    named_ports: Trait[Literal["each_pod", "one_number", "any_port"]] | None = None
    nameless_blocks: Trait[tuple[PolicyType, ...]] | None = None
    excepts: Trait[Literal["exact", "lost_in_overlap"]] | None = None
    whole_ipv6: Trait[tuple[str, ...]] | None = None
    families: Trait[Literal["both", "one"]] | None = None
    ports_per_peer: Trait[int] | None = None
    standalone_pods: Trait[bool] | None = None

    @property
    def traits(self) -> Iterator[tuple[str, Trait[object]]]:
        """Yield name and trait of everything that a source was found for."""
        for each in fields(self):
            found = getattr(self, each.name)
            if isinstance(found, Trait):
                yield each.name, found


_GITHUB: Final = "https://github.com"
_CILIUM: Final = f"{_GITHUB}/cilium/cilium"
_CILIUM_LAYER3: Final = (
    f"{_CILIUM}/blob/01af123d89b9e954f3c3c8da9055c61b85fb7e9c/Documentation/security/policy/layer3.rst"
)
_EKS: Final = "https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html"
_AWS_RESOLVER: Final = (
    f"{_GITHUB}/aws/amazon-network-policy-controller-k8s/blob/03e22b50e25900da44665bd4a76474812cf62ccf"
    "/pkg/resolvers/endpoints.go"
)
_AWS_AGENT: Final = f"{_GITHUB}/aws/aws-network-policy-agent"
_AWS_EGRESS: Final = f"{_AWS_AGENT}/blob/0192b827a719546291d40a7f4ccf9e0d9653b1ed/pkg/ebpf/c/tc.v4egress.bpf.c"
_ROUTER: Final = f"{_GITHUB}/cloudnativelabs/kube-router"
_ROUTER_POLICY: Final = f"{_ROUTER}/blob/03d5b6ee832da0c038c59ea48850f5be43cb9f50/pkg/controllers/netpol/policy.go"
_OVN: Final = f"{_GITHUB}/ovn-org/ovn-kubernetes/blob"
_OVN_ACLS: Final = f"{_OVN}/776c18a0f9d64cc5bac8fa016fdf48a120107cdb/docs/design/acls.md"
_OVN_RULE: Final = f"{_OVN}/0254d0fac32f2223b2404b43e368a4e2b544dfd9/go-controller/pkg/ovn/gress_policy.go"
_OVN_SERVICES: Final = f"{_OVN}/2c2f868d391f13220c0a885446a7576380533f84/docs/design/service-traffic-policy.md"
_ANTREA: Final = f"{_GITHUB}/antrea-io/antrea"

_PROFILES: Final = (
    Profile(
        "cilium", "Cilium",
        egress_sees=Trait(
            "pod", "Cilium compares ports after the Service was translated.",
            "https://docs.cilium.io/en/latest/security/policy/layer4/",
        ),
        client_address=Trait(
            "replaced", "A client's request that one node forwards to a pod on another comes, with Cilium's direct "
            "routing, as that node's and not as the client's.",
            f"{_CILIUM}/blob/48391423a003145d29a7379b387351e0e4e31e41/Documentation/security/policy/caveats.rst",
        ),
        pod_blocks=Trait(False, "Cilium's ipBlock takes no pod.", f"{_CILIUM}/issues/19601"),
        node_blocks=Trait(
            False, "Cilium's ipBlock takes no node of the cluster unless `policyCIDRMatchMode: nodes` is set "
            "(from 1.15 on).",
            _CILIUM_LAYER3,
        ),
        local_blocks=Trait(
            False, "What answers on the node itself is the entity `host` to Cilium, and no ipBlock takes it, "
            "whatever its address.",
            f"{_CILIUM}/issues/34387",
        ),
        own_node=Trait((INGRESS,), "Cilium lets a pod's own node in unless told otherwise.", _CILIUM_LAYER3),
        end_port=Trait("1.16", "Cilium before 1.16 ignores endPort and takes the first port only.",
                       f"{_CILIUM}/issues/16622"),
        sctp=Trait("on_request", "Cilium knows SCTP only with `sctp.enabled=true`, a beta that does not translate "
                   "ports.", "https://docs.cilium.io/en/stable/configuration/sctp/"),
        named_ports=Trait(
            "one_number", "In egress rules many releases of Cilium skip a port's name that pods of the cluster give "
            "to different numbers.",
            f"{_CILIUM}/issues/30003",
        ),
    ),
    Profile(
        "calico", "Calico",
        egress_sees=Trait("pod", "Calico sees packets after kube-proxy has put the pod's address into them.",
                          f"{_GITHUB}/projectcalico/felix/issues/1087"),
        client_address=Trait(
            "replaced", "kube-proxy gives a client's request the node's address before Calico sees it, unless the "
            "Service says `externalTrafficPolicy: Local`.",
            f"{_GITHUB}/projectcalico/calico/issues/2088",
        ),
        end_port=Trait("", "Calico turns endPort into ranges of its own.",
                       f"{_GITHUB}/projectcalico/calico/issues/4249"),
        sctp=Trait("yes", "Calico takes SCTP ports, named ones too.",
                   f"{_GITHUB}/projectcalico/libcalico-go/pull/1182"),
        named_ports=Trait("each_pod", "Calico resolves port names from 3.0 on.",
                          f"{_GITHUB}/projectcalico/libcalico-go/issues/770"),
    ),
    Profile(
        "aws-vpc-cni", "AWS VPC CNI",
        egress_sees=Trait(
            "service", "The AWS agent checks egress before the Service is translated, and its controller adds Service "
            "addresses only for rules with selectors, never for an ipBlock.",
            _AWS_RESOLVER,
        ),
        client_address=Trait(
            "replaced", "kube-proxy gives a client's request the node's address before the AWS agent sees it, unless "
            "the Service says `externalTrafficPolicy: Local`.",
            "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
        ),
        equal_ports=Trait(True, "AWS asks that a Service has the port of its containers.", _EKS),
        service_selectors=Trait(
            True, "AWS adds a Service's address to an egress rule only if the Service's selector has all labels of the "
            "rule's podSelector.",
            _AWS_RESOLVER,
        ),
        own_node=Trait((INGRESS, EGRESS), "The AWS agent lets everything through to and from a pod's own node.",
                       f"{_AWS_AGENT}/pull/65"),
        end_port=Trait("", "The AWS agent compares ports with ranges.", _AWS_EGRESS),
        sctp=Trait("yes", "The AWS agent reads SCTP ports.", _AWS_EGRESS),
        named_ports=Trait("each_pod", "AWS resolves port names for each pod.", _AWS_RESOLVER),
        nameless_blocks=Trait((INGRESS, EGRESS), "AWS leaves out ports that an ipBlock's rule names.",
                              f"{_GITHUB}/aws/amazon-network-policy-controller-k8s/issues/81"),
        excepts=Trait("lost_in_overlap", "Where ipBlocks overlap and one has exceptions, the AWS agent loses ports of "
                      "the wider rule.", f"{_AWS_AGENT}/issues/180"),
        families=Trait("one", "AWS applies rules of the cluster's own address family and ignores the other's.", _EKS),
        ports_per_peer=Trait(24, "AWS takes at most 24 pairs of protocol and port for one address range.", _EKS),
        standalone_pods=Trait(False, "AWS applies no policy to a pod without a controller.", _EKS),
    ),
    Profile(
        "kube-router", "kube-router",
        egress_sees=Trait(
            "pod", "kube-router means the pods behind a Service: that it refused packets to the Service's own address "
            "was a bug of 1.3.0.",
            f"{_ROUTER}/issues/1136",
        ),
        client_address=Trait(
            "replaced", "The service proxy gives a client's request the node's address before kube-router's rules see "
            "it, unless the Service says `externalTrafficPolicy: Local`.",
            f"{_ROUTER}/issues/744",
        ),
        pod_blocks=Trait(True, "kube-router's ipBlock is a set of addresses, whoever has them.", _ROUTER_POLICY),
        node_blocks=Trait(True, "kube-router's ipBlock is a set of addresses, whoever has them.", _ROUTER_POLICY),
        own_node=Trait(
            (INGRESS,), "kube-router lets a pod's own node in.",
            f"{_ROUTER}/blob/00824cd84b862d73dbdf984477178cca9bce9166"
            "/pkg/controllers/netpol/network_policy_controller.go",
        ),
        end_port=Trait("", "kube-router takes endPort in both directions.", f"{_ROUTER}/pull/1080"),
        sctp=Trait("unsure", "kube-router does not promise SCTP in policies: the request for it is open.",
                   f"{_ROUTER}/issues/1019"),
        named_ports=Trait("each_pod", "kube-router resolves port names for the pods of a rule.",
                          f"{_ROUTER}/pull/679"),
        nameless_blocks=Trait((EGRESS,), "kube-router takes the numbers of egress port names from pods that selectors "
                              "find, and an ipBlock finds none.", _ROUTER_POLICY),
        whole_ipv6=Trait(("2000::/3", "fd00::/8"), "kube-router takes ::/0 for 2000::/3 and fd00::/8.",
                         _ROUTER_POLICY),
    ),
    Profile(
        "antrea", "Antrea",
        egress_sees=Trait("pod", "Antrea translates Services before its egress rules.", f"{_ANTREA}/pull/1119"),
        client_address=Trait(
            "replaced", "A client's request through a NodePort comes to Antrea's rules with the address of the node's "
            "gateway, unless the Service says `externalTrafficPolicy: Local`.",
            f"{_ANTREA}/releases/tag/v0.12.2",
        ),
        end_port=Trait(
            "", "Antrea takes endPort from 1.1 on, which is older than endPort is stable in Kubernetes.",
            f"{_ANTREA}/blob/087489b088783d5cec01d1e049213e300be40ff5/CHANGELOG/CHANGELOG-1.1.md",
        ),
        sctp=Trait("yes", "Antrea passes the SCTP tests of Kubernetes.", f"{_ANTREA}/issues/1297"),
        families=Trait("both", "Antrea knows dual-stack clusters from 0.11 on.", f"{_ANTREA}/releases/tag/v0.11.0"),
    ),
    Profile(
        "ovn-kubernetes", "OVN-Kubernetes",
        egress_sees=Trait("pod", "OVN-Kubernetes checks egress after load balancing.", _OVN_ACLS),
        client_address=Trait(
            "replaced", "OVN-Kubernetes replaces a client's address on the way to a Service, unless that says "
            "`externalTrafficPolicy: Local`.",
            _OVN_SERVICES,
        ),
        pod_blocks=Trait(True, "OVN-Kubernetes compares an ipBlock with the packet's address, a pod's too.", _OVN_ACLS),
        host_network=Trait(
            False, "With OVN-Kubernetes pods see the host network as a namespace of its own, and not by the nodes' "
            "addresses.",
            f"{_GITHUB}/ovn-kubernetes/ovn-kubernetes/pull/2093",
        ),
        own_node=Trait((INGRESS,), "OVN-Kubernetes lets the management address of a pod's own node in.", _OVN_ACLS),
        end_port=Trait("", "OVN-Kubernetes compares ports with ranges.", _OVN_RULE),
        sctp=Trait("yes", "OVN-Kubernetes takes TCP, UDP and SCTP.", _OVN_RULE),
        named_ports=Trait("any_port", "OVN-Kubernetes takes a port's name for every port of the protocol.",
                          f"{_GITHUB}/ovn-kubernetes/ovn-kubernetes/issues/2117"),
        excepts=Trait("exact", "OVN-Kubernetes compares exceptions in the rule that has them.", _OVN_RULE),
    ),
)  # fmt: skip

PROFILES: Final[Mapping[str, Profile]] = {each.name: each for each in _PROFILES}


def profile(name: str) -> Profile:
    """Return the profile of this name; raises PodfenceError with the names that there are."""
    if name not in PROFILES:
        known = ", ".join(sorted(PROFILES))
        raise PodfenceError(f"--cni `{visible(one_line(name, 60))}` is not known to podfence; choose one of {known}")
    return PROFILES[name]
