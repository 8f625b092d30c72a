"""Which addresses on the network are anybody's, and which are only reached from inside."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Public by their number, but not by what answers there: protocol assignments (Oracle's metadata among them), 6to4
# relays, and the host of every virtual machine at Azure.
_INWARD = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
_GLOBAL = ip_network("2000::/3")
# Addresses that hold an IPv4 address, to which a gateway may lead: NAT64, 6to4, Teredo.
_NAT64 = ip_network("64:ff9b::/96")
_TUNNELS = tuple(map(ip_network, ("2002::/16", "2001::/32", "3fff::/20")))


def networks(text: str) -> tuple[Network, ...]:
    """Networks from a list with commas between them; raises ValueError where one is none."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def is_public(address: Address) -> bool:
    """Whether an address is one that anybody on the internet reaches alike."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL or any(address in tunnel for tunnel in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _INWARD)


def is_allowed(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks that the environment allows."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in allowed)
