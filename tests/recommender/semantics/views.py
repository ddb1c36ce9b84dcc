"""Turns conclusions into a few short words, so that a table can say what must come out."""

from recommender.communications import AddressPeer
from recommender.manifest import policy_to_yaml
from recommender.summary import summary_data


def end(one):
    """Write an end: "web", "data/db", or an address."""
    if isinstance(one, AddressPeer):
        return one.address or one.name
    return one.name if one.namespace == "shop" else f"{one.namespace}/{one.name}"


def line(communication):
    """Write a communication: "web -> api TCP/3000"."""
    return f"{end(communication.src)} -> {end(communication.dst)} {communication.protocol}/{communication.port}"


def suggested(conclusion):
    """Return what rules are suggested for."""
    return [line(item.communication) for item in conclusion.reviewed.suggestions.items]


def withheld(conclusion):
    """Return what no rule is suggested for, with why."""
    return {line(item.communication): item.why for item in conclusion.reviewed.suggestions.withheld}


def sorted_out(conclusion):
    """Return both."""
    return suggested(conclusion), withheld(conclusion)


def having(caveat):
    """Return a view: the suggestions that carry a caveat; of those decided on, as they were reviewed."""

    def view(conclusion):
        reviewed = conclusion.reviewed
        items = (*reviewed.accepted, *reviewed.declined, *reviewed.undecided)
        return sorted(line(item.communication) for item in items if caveat in item.caveats)

    return view


def kinds(conclusion):
    """Return what each end is that is no workload."""
    ends = {one for seen in conclusion.communications for one in (seen.src, seen.dst)}
    return {one.address: one.kind for one in ends if isinstance(one, AddressPeer)}


def evidence(*names):
    """Return a view: these facts of all communications that worked or not."""

    def view(conclusion):
        return {
            line(seen): tuple(getattr(seen.evidence, name) for name in names)
            if len(names) > 1
            else getattr(seen.evidence, names[0])
            for seen in conclusion.communications
        }

    return view


def _labels(selector):
    texts = [f"{key}={value}" for key, value in selector.match_labels]
    texts += [
        f"{wanted.key} {wanted.operator} {' '.join(wanted.values)}".strip() for wanted in selector.match_expressions
    ]
    return ",".join(texts) or "(all)"


def peer(one):
    """Write a peer: "app=api", "[kubernetes.io/metadata.name=data] app=db", or a CIDR with what it leaves out."""
    if one.ip_block is not None:
        return " except ".join([one.ip_block.cidr, *one.ip_block.excepts])
    where = "" if one.namespace_selector is None else f"[{_labels(one.namespace_selector)}] "
    return where + ("(none)" if one.pod_selector is None else _labels(one.pod_selector))


def _port(one):
    return f"{one.protocol}/{one.port}" + (f"-{one.end_port}" if one.end_port else "")


def rules(conclusion):
    """Return every rule: "app=web Egress: app=api on TCP/3000", in the order of the policies."""
    return [
        f"{_labels(policy.pod_selector)} {direction}: {' | '.join(map(peer, rule.peers))} on "
        f"{' '.join(map(_port, rule.ports))}"
        for policy in conclusion.policies
        for direction, found in (("Ingress", policy.ingress), ("Egress", policy.egress))
        for rule in found
    ]


def peers(conclusion):
    """Return who is a peer of any rule."""
    return sorted(
        {
            peer(one)
            for policy in conclusion.policies
            for rule in (*policy.ingress, *policy.egress)
            for one in rule.peers
        }
    )


def selectors(conclusion):
    """Return whom the policies select."""
    return sorted({_labels(policy.pod_selector) for policy in conclusion.policies})


def policies(conclusion):
    """Return the policies' names and types."""
    return {f"{policy.namespace}/{policy.name}": policy.policy_types for policy in conclusion.policies}


def documents(conclusion):
    """Return the YAML of all policies."""
    return "".join(f"---\n{policy_to_yaml(policy)}" for policy in conclusion.policies)


def findings(conclusion):
    """Return the kinds of findings, with their subjects."""
    return sorted({(found.kind, found.subject) for found in conclusion.findings})


def numbers(*names):
    """Return a view: some entries of the summary."""
    return lambda conclusion: {name: summary_data(conclusion)[name] for name in names}


def decided(conclusion):
    """Return what is accepted, declined and still open."""
    reviewed = conclusion.reviewed
    return tuple(
        [line(i.communication) for i in items] for items in (reviewed.accepted, reviewed.declined, reviewed.undecided)
    )
