"""Is a host this machine? Then nothing crosses a network."""

from __future__ import annotations

import ipaddress


def on_this_machine(host: str) -> bool:
    """True for loopback addresses and `localhost`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
