"""Session timers (RFC 4028): who refreshes, when, and when a call is given up. No clock: the time is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.signaling.session_timer import Due, SessionTimer
from voicebot.signaling.sip_headers import header, names, put_in

ID = "1@host"
WE, THEY = "Session-Expires: 60;refresher=uas", "Session-Expires: 60;refresher=uac"


def request(method: str = "INVITE", cseq: int = 1, *more: str) -> str:
    lines = [f"{method} sip:a@b SIP/2.0", f"Call-ID: {ID}", f"CSeq: {cseq} {method}", *more]
    return "\r\n".join(lines) + "\r\n\r\n"


def answer(status: int = 200, cseq: int = 1, *more: str, method: str = "INVITE") -> str:
    lines = [f"SIP/2.0 {status} Said", f"Call-ID: {ID}", f"CSeq: {cseq} {method}", *more]
    return "\r\n".join(lines) + "\r\n\r\n"


def dialled(agreed: str, now: float = 0.0, offer: int = 100) -> SessionTimer:
    """We called; the far end's 200 says `agreed`."""
    timer = SessionTimer(offer)
    assert timer.to_add(ID, request()) == (f"Session-Expires: {offer}", "Supported: timer")
    timer.sent(ID, request(), now, added=True)
    timer.received(ID, answer(180), now)
    timer.received(ID, answer(200, 1, *([agreed] if agreed else [])), now)
    return timer


def called(timer: SessionTimer, *asked: str, now: float = 0.0) -> tuple[str, ...]:
    """Somebody calls us with these headers; what our 200 carries."""
    timer.received(ID, request("INVITE", 7, *asked), now)
    timer.sent(ID, answer(180, 7), now, added=False)
    lines = timer.to_add(ID, answer(200, 7))
    timer.sent(ID, answer(200, 7), now, added=bool(lines))
    return lines


def test_we_refresh_at_half_the_interval_again_and_again() -> None:
    timer = dialled("Session-Expires: 100;refresher=uac")
    assert timer.next_at() == 50
    assert timer.due(49.9) == ()
    assert timer.due(50) == ((ID, Due.REFRESH),)
    again = request("INVITE", 2)
    assert timer.to_add(ID, again) == ("Session-Expires: 100;refresher=uac", "Supported: timer")
    timer.sent(ID, again, 50, added=True)
    timer.received(ID, answer(200, 2, "x: 100;refresher=uac"), 51)
    assert timer.next_at() == 101


def test_a_refresh_that_is_not_answered_ends_the_call_a_third_before_the_end() -> None:
    timer = dialled("Session-Expires: 90;refresher=uac")
    assert timer.due(45) == ((ID, Due.REFRESH),)
    assert timer.next_at() == pytest.approx(60)
    assert timer.due(60) == ((ID, Due.END),)
    assert timer.next_at() is None
    assert timer.dialogs == 0


def test_a_refused_refresh_is_tried_again_before_the_end() -> None:
    timer = dialled("Session-Expires: 90;refresher=uac")
    timer.due(45)
    timer.sent(ID, request("INVITE", 2), 45, added=True)
    timer.received(ID, answer(500, 2), 46)
    assert timer.next_at() == pytest.approx(53)
    assert timer.due(53) == ((ID, Due.REFRESH),)
    assert timer.due(60) == ((ID, Due.END),)


@pytest.mark.parametrize("status", [401, 407, 491])
def test_the_stack_itself_goes_on_after_a_challenge_or_a_collision(status: int) -> None:
    timer = dialled("Session-Expires: 90;refresher=uac")
    timer.due(45)
    timer.sent(ID, request("INVITE", 2), 45, added=True)
    timer.received(ID, answer(status, 2), 46)
    assert timer.next_at() == 60


def test_the_far_end_refreshes_or_is_given_up_32_s_before_the_end() -> None:
    timer = dialled("Session-Expires: 1800;refresher=uas", offer=1800)
    assert timer.next_at() == 1768
    timer.received(ID, request("UPDATE", 3, "Supported: timer", "Session-Expires: 1800;refresher=uac"), 900)
    ours = answer(200, 3, method="UPDATE")
    assert timer.to_add(ID, ours) == ("Session-Expires: 1800;refresher=uac", "Require: timer")
    timer.sent(ID, ours, 900, added=True)
    assert timer.next_at() == 900 + 1768
    assert timer.due(2668) == ((ID, Due.END),)


def test_without_the_header_in_the_answer_there_is_no_timer() -> None:
    assert dialled("").next_at() is None
    timer = dialled("Session-Expires: 90;refresher=uac")
    timer.due(45)
    timer.sent(ID, request("INVITE", 2), 45, added=True)
    timer.received(ID, answer(200, 2), 46)
    assert timer.next_at() is None


def test_an_interval_too_small_raises_the_next_offer() -> None:
    timer = SessionTimer(100)
    timer.sent(ID, request(), 0, added=True)
    timer.received(ID, answer(422, 1, "Min-SE: 300"), 0)
    assert timer.offer_s == 300
    assert timer.dialogs == 0
    assert timer.to_add("2@host", request()) == ("Session-Expires: 300", "Supported: timer")


@pytest.mark.parametrize(
    ("asked", "given_back", "due"),
    [
        (("Session-Expires: 60;refresher=uas", "Supported: timer"), (WE,), Due.REFRESH),
        (("Session-Expires: 60;refresher=uac", "k: timer"), (THEY, "Require: timer"), Due.END),
        (("x: 60", "Supported: replaces, timer"), (THEY, "Require: timer"), Due.END),
        (("Session-Expires: 60",), (WE,), Due.REFRESH),  # a proxy's, section 9 table 2
        (("x: 60;refresher=uac",), (THEY, "Require: timer"), Due.END),
        (("Supported: timer",), ("Session-Expires: 100;refresher=uac", "Require: timer"), Due.END),
        (("Supported: timer", "Min-SE: 400"), ("Session-Expires: 400;refresher=uac", "Require: timer"), Due.END),
        ((), (), None),
    ],
)  # fmt: skip
def test_who_calls_us(asked: tuple[str, ...], given_back: tuple[str, ...], due: Due | None) -> None:
    timer = SessionTimer(100)
    assert called(timer, *asked) == given_back
    assert [what for _, what in timer.due(10_000)] == ([due] if due else [])


def test_a_message_without_a_place_means_no_timer() -> None:
    timer = SessionTimer(100)
    timer.received(ID, request("INVITE", 7, "Session-Expires: 60", "Supported: timer"), 0)
    timer.sent(ID, answer(200, 7), 0, added=False)
    assert timer.next_at() is None


def test_a_re_invite_of_a_call_without_a_timer_offers_none() -> None:
    timer = SessionTimer(100)
    assert called(timer) == ()
    assert timer.to_add(ID, request("INVITE", 2, "To: <sip:a@b>;tag=1")) == ()


@pytest.mark.parametrize("interval", ["0", "1", "999999999", "soon", ""])
def test_an_interval_that_nobody_can_mean_is_none(interval: str) -> None:
    assert dialled(f"Session-Expires: {interval};refresher=uas").next_at() is None
    timer = SessionTimer(100)
    timer.received(ID, answer(422, 1, f"Min-SE: {interval}"), 0)
    assert timer.offer_s == 100


def test_a_flood_of_calls_drives_out_no_timer() -> None:
    timer = dialled("Session-Expires: 100;refresher=uas")
    for number in range(5000):
        timer.received(f"{number}@flood", request("INVITE", 1), 1)
    assert timer.dialogs < 2000
    assert timer.next_at() is not None


def test_nothing_is_kept_after_the_end() -> None:
    timer = dialled("Session-Expires: 100;refresher=uac")
    timer.received(ID, request("BYE", 9), 5)
    assert timer.dialogs == 0
    timer = dialled("Session-Expires: 100;refresher=uac")
    timer.sent(ID, request("BYE", 9), 5, added=False)
    assert (timer.dialogs, timer.next_at()) == (0, None)
    refused = SessionTimer(100)
    refused.received(ID, request("INVITE", 7), 0)
    refused.sent(ID, answer(486, 7), 0, added=False)
    assert refused.dialogs == 0


def test_what_was_sent_is_sent_again_as_it_was() -> None:
    timer = dialled("Session-Expires: 100;refresher=uac")
    assert timer.to_add(ID, request("INVITE", 2, "Session-Expires: 100;refresher=uac")) == ()
    assert timer.to_add(ID, request("OPTIONS", 4)) == ()


REAL = (
    "INVITE sip:1@127.0.0.1 SIP/2.0\r\nCall-ID: 1\r\nCSeq: 2 INVITE\r\nUser-Agent: baresip-python\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 4\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\r\nv=0\n"
)


def test_headers_take_the_place_of_the_software_and_of_long_names() -> None:
    changed = put_in(REAL.encode(), ("Session-Expires: 1800;refresher=uac", "Supported: timer"))
    assert changed is not None
    assert len(changed) == len(REAL)
    text = changed.decode()
    assert text.endswith("\r\n\r\nv=0\n")
    assert header(text, "Session-Expires") == "1800;refresher=uac"
    assert names(text, "Supported", "timer")
    assert header(text, "Content-Length") == "4"
    assert header(text, "Call-ID") == "1"
    assert header(text, "User-Agent") is None


def test_where_there_is_no_place_nothing_is_changed() -> None:
    assert put_in(b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n", ("Session-Expires: 1800",)) is None
    assert put_in(b"no message", ("Session-Expires: 1800",)) is None


@given(st.binary(max_size=300))
def test_any_bytes_stay_as_long_as_they_were(raw: bytes) -> None:
    changed = put_in(raw, ("Session-Expires: 1800",))
    assert changed is None or len(changed) == len(raw)


@given(st.text(max_size=400), st.floats(0, 1e6))
def test_any_message_is_survived(text: str, now: float) -> None:
    timer = dialled("Session-Expires: 100;refresher=uac")
    timer.received(ID, text, now)
    timer.sent(ID, text, now, added=bool(timer.to_add(ID, text)))
    timer.due(now)


def test_a_header_is_not_looked_for_in_the_body() -> None:
    assert header("A\r\n\r\nCall-ID: 5", "Call-ID") is None
    assert header("A\r\nc: text", "Content-Type") == "text"
