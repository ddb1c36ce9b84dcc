"""Random policies for random small clusters, in the words of the API."""

from hypothesis import strategies as st

_KEYS, _VALUES = st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"])
LABELS = st.dictionaries(_KEYS, _VALUES, max_size=2)
_EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {
            "key": _KEYS,
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(_VALUES, min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries({"key": _KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
_SELECTOR = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(_EXPRESSIONS, max_size=2)}
)
_BLOCK = st.sampled_from(
    [
        {"cidr": "10.0.0.0/24"},
        {"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32"]},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/31", "8.0.0.0/8"]},
        {"cidr": "::/0"},
        {"cidr": "fd00::/126", "except": ["fd00::2/127"]},
    ]
)
_PEER = st.one_of(
    st.fixed_dictionaries({"ipBlock": _BLOCK}),
    st.fixed_dictionaries({"podSelector": _SELECTOR}, optional={"namespaceSelector": _SELECTOR}),
    st.fixed_dictionaries({"namespaceSelector": _SELECTOR}),
)
PROTOCOLS = ["TCP", "UDP", "SCTP"]
_PORT = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"protocol": st.sampled_from(PROTOCOLS), "port": st.sampled_from([1, 2, "x", "y"])}
    ),
    st.fixed_dictionaries({"port": st.integers(1, 2), "endPort": st.integers(2, 3)}),
)


def _rules(side):
    return st.lists(
        st.fixed_dictionaries({}, optional={side: st.lists(_PEER, max_size=2), "ports": st.lists(_PORT, max_size=2)}),
        max_size=2,
    )


NAMESPACES = ["n", "m"]
POLICY = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({"name": st.just("p"), "namespace": st.sampled_from(NAMESPACES)}),
        "spec": st.fixed_dictionaries(
            {
                "podSelector": _SELECTOR,
                "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
                "ingress": _rules("from"),
                "egress": _rules("to"),
            }
        ),
    }
)
