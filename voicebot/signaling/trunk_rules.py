"""What a failed or redirected INVITE may lead to: another trunk, another number at the same trunk, or the end. Pure."""

from __future__ import annotations

import re

from voicebot.model.sip_status import about_the_network

#: From the trunk itself: it cannot serve the call, or does not take our credentials. The customer was not reached.
_TRUNK_STATUSES = frozenset({401, 407, 408, 500, 501, 502, 503, 504})
#: A SIP URI in a Contact: user, host (RFC 3261 section 19.1.1). A user with a password or parameters does not match.
_SIP_URI = re.compile(
    r"sips?:(?P<user>[\w.!~*'()&=+$,/-]+)@(?P<host>\[[^\]\s]+\]|[^:;?>\s]+)(?::\d+)?(?:[;?>].*)?\Z", re.A
)
#: Redirections followed in one call (RFC 3261 section 8.1.3.4 wants an end).
MOST_REDIRECTIONS = 3


def may_try_another(*, rang: bool, status: int | None, cause: int | None) -> bool:
    """Whether a call that failed may go by another trunk. `status` None: no answer, or no connection; `cause`: Q.850.

    Never after 180 or 183, and never where the answer tells of the customer: nobody is rung twice by one attempt.
    """
    if rang or (cause is not None and not about_the_network(cause)):
        return False
    return status is None or status in _TRUNK_STATUSES


def redirected_to(contact: str, hosts: frozenset[str]) -> str | None:
    """The user that a 3xx sends us to, where it is at one of the trunk's own `hosts` (lower case, without port); None
    where it is elsewhere or can't be read. Who could redirect us anywhere could make us dial anybody (toll fraud)."""
    found = _SIP_URI.match(contact.strip().strip("<"))
    return found["user"] if found is not None and found["host"].lower() in hosts else None


def host_of(server: str) -> str:
    """HOST[:PORT] without the port, lower case: "[::1]:5060" -> "[::1]"."""
    host, colon, port = server.rpartition(":")
    return (host if colon and port.isdigit() and not host.endswith(":") else server).lower()
