"""What tests ask of ipBlocks, answered by ipaddress alone."""

import ipaddress


def pieces(blocks):
    """The networks that blocks hold, each address once for each block that holds it."""
    found = []
    for block in blocks:
        parts = [ipaddress.ip_network(block.cidr)]
        for text in block.excepts:
            without = ipaddress.ip_network(text)
            parts = [
                rest
                for part in parts
                for rest in (part.address_exclude(without) if without.subnet_of(part) else [part])
            ]
        found += parts
    return found


def entries(blocks):
    """How many CIDRs are written."""
    return sum(1 + len(block.excepts) for block in blocks)


def unseen(blocks, addresses):
    """How many addresses beside the observed ones are held; no address may be held twice."""
    return sum(net.num_addresses for net in pieces(blocks)) - len(set(addresses))


def assert_sound(blocks, addresses, never):
    """All addresses are held, each once; of `never` nothing but them; what is written is canonical and sorted."""
    parts, wanted = pieces(blocks), {ipaddress.ip_address(text) for text in addresses}
    assert all(sum(ip in net for net in parts) == 1 for ip in wanted)
    for version in (4, 6):
        mine = [net for net in parts if net.version == version]
        assert sum(net.num_addresses for net in ipaddress.collapse_addresses(mine)) == sum(
            n.num_addresses for n in mine
        )
        nets = (ipaddress.ip_network(text) for text in never)
        for refused in ipaddress.collapse_addresses(net for net in nets if net.version == version):
            held = sum(min(refused.num_addresses, net.num_addresses) for net in mine if net.overlaps(refused))
            assert held == sum(ip in refused for ip in wanted)
    keys = [(net.version, int(net[0]), net.prefixlen) for net in (ipaddress.ip_network(b.cidr) for b in blocks)]
    assert keys == sorted(set(keys))
    for block in blocks:
        excepts = [ipaddress.ip_network(text) for text in block.excepts]
        assert excepts == sorted(set(excepts))
        assert all(net.subnet_of(ipaddress.ip_network(block.cidr)) for net in excepts)
        assert block.cidr not in block.excepts
