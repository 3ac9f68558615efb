"""Which addresses of the internet a server may be sent to: those that are nobody's inner network."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as networks without IPv4 write them (RFC 6052)."""
_LOCALLY_TRANSLATED = IPv6Network("64:ff9b:1::/48")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; one that holds another is judged by both.

    Args:
        address: as the resolver gives it, possibly with a scope behind `%`.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_global(one) for one in (found, *_inside(found)))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _TRANSLATED):
        return True  # the address inside is judged
    return address.is_global and not odd and not address.is_link_local and not address.is_private


def _inside(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses to which an IPv6 address leads."""
    if isinstance(address, IPv4Address):
        return []
    if address in _LOCALLY_TRANSLATED:
        return [IPv4Address(0)]
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _TRANSLATED:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
