"""When another trunk may be tried, and where a redirection may lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.signaling.baresip_answers import Answers
from voicebot.signaling.baresip_trace import Traced
from voicebot.signaling.trunk_rules import host_of, may_try_another, redirected_to

OURS = frozenset({"sip.example.com", "192.0.2.1", "[2001:db8::1]"})
TRUNKS_OWN = {None, 401, 407, 408, 500, 501, 502, 503, 504}


@pytest.mark.parametrize("status", [None, *range(300, 700)])
def test_another_trunk_only_where_the_trunk_itself_failed(status):
    assert may_try_another(rang=False, status=status, cause=None) == (status in TRUNKS_OWN)


@given(st.none() | st.integers(300, 699), st.none() | st.integers(0, 127))
def test_never_after_it_rang(status, cause):
    assert not may_try_another(rang=True, status=status, cause=cause)


@pytest.mark.parametrize(("cause", "may"), [(17, False), (1, False), (19, False), (21, False), (34, True), (41, True)])
def test_never_where_the_cause_tells_of_the_customer(cause, may):
    assert may_try_another(rang=False, status=503, cause=cause) == may


@pytest.mark.parametrize(
    ("contact", "user"),
    [
        ("sip:4711@sip.example.com", "4711"),
        ("<sip:+4711@SIP.example.com:5080;transport=tcp>;q=0.7", "+4711"),
        ("sips:4711@192.0.2.1", "4711"),
        ("sip:4711@[2001:db8::1]:5060", "4711"),
        ("sip:4711@evil.example", None),
        ("sip:4711@sip.example.com.evil.example", None),
        ("sip:4711@evil.example;sip.example.com", None),
        ("sip:4711@evil.example?to=a@sip.example.com", None),
        ("sip:4711:secret@sip.example.com", None),
        ("sip:4711;phone-context=x@sip.example.com", None),
        ("sip:a@evil.example@sip.example.com", None),
        ("sip:sip.example.com", None),
        ("tel:+4711", None),
        ("sip:47 11@sip.example.com", None),
        ("sip:4711\r\nX: y@sip.example.com", None),
        ("*", None),
        ("", None),
    ],
)
def test_a_redirection_leads_to_the_trunk_only(contact, user):
    assert redirected_to(contact, OURS) == user


@given(st.text())
def test_whatever_the_contact_says(contact):
    user = redirected_to(contact, OURS)
    assert user is None or not set(user) & set("@<>\r\n :;?")


@pytest.mark.parametrize(
    ("server", "host"),
    [
        ("Sip.Example.com:5060", "sip.example.com"),
        ("sip.example.com", "sip.example.com"),
        ("[2001:db8::1]:5060", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_a_servers_host(server, host):
    assert host_of(server) == host


def traced(start: str, *, sent: bool = False, more: str = "", method: str = "INVITE") -> Traced:
    return Traced(sent, "UDP", "a:1", "b:2", "call-1", f"{start}\r\nCSeq: 7 {method}\r\n{more}")


async def test_any_answer_to_the_invite_is_told():
    answers, told = Answers(lambda *_: None), []
    answers.start()
    answers.when_any("call-1", lambda: told.append(1))
    answers.message(traced("INVITE sip:x SIP/2.0", sent=True))
    answers.message(traced("SIP/2.0 200 OK", method="BYE"))
    assert not answers.any_to("call-1")
    answers.message(traced("SIP/2.0 100 Trying"))
    assert answers.any_to("call-1")
    await _turn()
    assert told == [1]
    answers.when_any("call-1", lambda: told.append(2))
    assert told == [1, 2], "at once where it has come"


async def test_the_rest_that_is_asked_for_is_told():
    told = []
    answers = Answers(lambda call_id, seconds: told.append((call_id, seconds)))
    answers.start()
    answers.message(traced("SIP/2.0 486 Busy", more="Retry-After: 5\r\n"))
    answers.message(traced("SIP/2.0 503 Down", more="Retry-After: 120 (maintenance);duration=60\r\n"))
    await _turn()
    assert told == [("call-1", 120.0)]
    assert answers.rest_asked("call-1") == 120.0
    assert answers.rest_asked("call-2") is None


async def _turn() -> None:
    import asyncio

    await asyncio.sleep(0)
