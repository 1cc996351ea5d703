"""Record-Route in the phones' answers, the route set of their own calls (RFC 3261 sections 12.1.1, 12.1.2)."""

from aiosipua.dialog import Dialog
from aiosipua.message import SipRequest, SipResponse

from sip_sim.routing import Routes, take_route_set

PROXIES = ("<sip:10.0.0.2;lr>", "<sip:10.0.0.1;lr>")
KEY = ("z9hG4bK1", "INVITE")


def request(method: str = "INVITE", *routes: str) -> SipRequest:
    made = SipRequest(method=method, uri="sip:1@host")
    made.headers.set_single("CSeq", f"1 {method}")
    for route in routes:
        made.headers.append("Record-Route", route)
    return made


def answer(status: int, method: str = "INVITE") -> SipResponse:
    made = SipResponse(status_code=status, reason_phrase="Said")
    made.headers.set_single("CSeq", f"1 {method}")
    return made


def test_answers_carry_the_record_route_of_their_request_in_its_order() -> None:
    routes = Routes()
    routes.received(KEY, request("INVITE", *PROXIES))
    for status, wanted in ((100, ()), (180, PROXIES), (200, PROXIES), (486, ())):
        message = answer(status)
        routes.sending(KEY, message)
        assert tuple(message.headers.get("record-route")) == wanted
    other = answer(200)
    routes.sending(("z9hG4bK2", "INVITE"), other)
    assert other.headers.get("record-route") == []


def test_an_answer_sent_again_does_not_grow() -> None:
    routes, message = Routes(), answer(200)
    routes.received(KEY, request("INVITE", *PROXIES))
    routes.sending(KEY, message)
    routes.sending(KEY, message)
    assert tuple(message.headers.get("record-route")) == PROXIES
    assert message.headers.get("supported") == ["replaces"]


def test_the_phones_know_replaces() -> None:
    invite = request()
    invite.headers.set_single("Supported", "100rel")
    Routes().sending(KEY, invite)
    assert invite.headers.get("supported") == ["100rel, replaces"]
    bye = answer(200, "BYE")
    Routes().sending(KEY, bye)
    assert bye.headers.get("supported") == []


def test_the_route_set_is_the_answers_record_route_turned_round_and_stays() -> None:
    dialog = Dialog("id", "tag", "", "sip:a@b", "sip:c@d", "sip:c@d")
    first = answer(200)
    for route in PROXIES:
        first.headers.append("Record-Route", route)
    take_route_set(dialog, first)
    assert dialog.route_set == list(reversed(PROXIES))
    later = answer(200)
    later.headers.append("Record-Route", "<sip:10.0.0.9;lr>")
    take_route_set(dialog, later)
    assert dialog.route_set == list(reversed(PROXIES))
