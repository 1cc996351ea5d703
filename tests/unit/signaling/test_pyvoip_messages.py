"""SIP messages as text, and digest credentials against the RFCs' own examples."""

from __future__ import annotations

import pytest

from voicebot.signaling import pyvoip_messages as sip
from voicebot.signaling.pyvoip_digest import Login, credentials, parameters

INVITE = (
    "INVITE sip:100@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
    "To: <sip:100@10.0.0.1>\r\nFrom: <sip:bank@10.0.0.9>;tag=1\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
    "Content-Length: 5\r\n\r\nv=0\r\n"
)


def test_a_message_gets_the_form_that_pyvoip_reads() -> None:
    odd = b"OPTIONS sip:x SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf : <sip:a>;tag=1\r\nTO: <sip:b>\r\nCALL-id:  9\r\n"
    odd += b"cseq:1\r\n\tOPTIONS\r\nL: 8\r\n\r\nv=0\n\ns=x and more"
    head, _, body = sip.canonical(odd).partition(b"\r\n\r\n")
    assert head.decode().split("\r\n")[1:] == [
        "Via: SIP/2.0/UDP a",
        "From: <sip:a>;tag=1",
        "To: <sip:b>",
        "Call-ID: 9",
        "CSeq: 1 OPTIONS",
        "Content-Length: 8",
    ]
    assert body == b"v=0\r\ns=x"


@pytest.mark.parametrize("data", [b"", b"INVITE sip:x SIP/2.0\r\n", b"X\r\nno colon\r\n\r\n", b"\xff\xfe\r\n\r\n"])
def test_what_is_no_message_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds, the caller takes them all alike
        sip.canonical(data)


def test_cancel_and_the_ack_to_a_refusal_are_of_the_invites_transaction() -> None:
    """RFC 3261 sections 9.1 and 17.1.1.3."""
    for text, method in (
        (sip.cancel(INVITE), "CANCEL"),
        (sip.acknowledge_refusal(INVITE, "<sip:100@10.0.0.1>;tag=2"), "ACK"),
    ):
        assert text.startswith(f"{method} sip:100@10.0.0.1 SIP/2.0\r\n")
        assert sip.branch(text) == "z9hG4bKa"
        assert sip.headers(text, "CSeq") == [f"7 {method}"]
        assert sip.headers(text, "From") == ["<sip:bank@10.0.0.9>;tag=1"]
        assert text.endswith("Content-Length: 0\r\n\r\n")
    assert sip.headers(sip.cancel(INVITE), "To") == ["<sip:100@10.0.0.1>"]


def test_a_header_is_replaced_where_it_stood_and_added_at_the_end() -> None:
    text = sip.with_headers(INVITE, "via", ["one", "two"])
    assert sip.headers(text, "Via") == ["one", "two"]
    assert text.index("one") < text.index("two") < text.index("Max-Forwards")
    assert text.endswith("\r\n\r\nv=0\r\n")
    assert sip.headers(sip.with_headers(INVITE, "X", ["1"]), "X") == ["1"]
    assert sip.headers(sip.with_headers(INVITE, "Via", []), "Via") == []


def test_an_answer_repeats_what_it_must_and_keeps_a_tag_that_is_there() -> None:
    """RFC 3261 section 8.2.6."""
    proxied = INVITE.replace("Max", "Via: SIP/2.0/UDP p;branch=b;i=7\r\nMax", 1)
    text = sip.reply(proxied, 503, "Service Unavailable", "ours", {"Retry-After": "10"})
    assert sip.headers(text, "Via") == ["SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKa", "SIP/2.0/UDP p;branch=b;i=7"]
    assert sip.headers(text, "To") == ["<sip:100@10.0.0.1>;tag=ours"]
    assert sip.headers(text, "CSeq") == ["7 INVITE"]
    assert sip.headers(sip.reply(text.replace("503", "BYE"), 200, "OK", "x"), "To") == ["<sip:100@10.0.0.1>;tag=ours"]


def test_addresses_are_listed_one_by_one() -> None:
    text = INVITE.replace("Max", "Record-Route: <sip:a;lr>, <sip:b,c;lr>\r\nRecord-Route: <sip:d;lr>\r\nMax", 1)
    assert sip.listed(text, "Record-Route") == ["<sip:a;lr>", "<sip:b,c;lr>", "<sip:d;lr>"]
    assert sip.listed(INVITE, "Record-Route") == []


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ('"Joe; M" <sip:a@b;c=d>;tag=1', "sip:a@b;c=d"),
        ("sip:a@b;tag=1", "sip:a@b"),
        ("<sip:a>;expires=3", "sip:a"),
        ("", ""),
    ],
)
def test_the_uri_of_an_address(address: str, uri: str) -> None:
    assert sip.uri_of(address) == uri


def test_digest_of_rfc_7616() -> None:
    """Section 3.9.1, both algorithms."""
    login = Login("Mufasa", "Circle of Life")
    challenge = {
        "realm": "http-auth@example.org",
        "qop": "auth, auth-int",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    wanted = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for algorithm, response in wanted.items():
        value = credentials(login, challenge | {"algorithm": algorithm}, "GET", "/dir/index.html", cnonce)
        assert value is not None
        given = parameters(value)
        assert given["response"] == response
        assert (given["qop"], given["nc"], given["opaque"]) == ("auth", "00000001", challenge["opaque"])


def test_digest_of_rfc_2617_without_qop() -> None:
    """Section 3.5's example, its response recomputed without qop (RFC 2069's form)."""
    login = Login("Mufasa", "CircleOfLife")
    challenge = {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    value = credentials(login, challenge, "GET", "/dir/index.html", "unused")
    assert value is not None
    assert parameters(value)["response"] == "1949323746fe6a43ef61f9606e7febea"


def test_credentials_are_given_once_and_only_for_what_we_know() -> None:
    login = Login("bank", "secret")
    ask = 'SIP/2.0 407 x\r\nProxy-Authenticate: Digest realm="r", nonce="n", algorithm={}\r\n\r\n'
    again = login.answer(INVITE, ask.format("SHA-256"), 407)
    assert again is not None
    assert sip.headers(again, "CSeq") == ["8 INVITE"]
    assert sip.branch(again) != sip.branch(INVITE)
    assert sip.headers(again, "From") == sip.headers(INVITE, "From")
    assert "secret" not in again
    assert login.answer(again, ask.format("SHA-256"), 407) is None
    assert login.answer(INVITE, ask.format("SHA-512"), 407) is None
    assert login.answer(INVITE, ask.format("MD5"), 486) is None
    assert login.answer(INVITE, "SIP/2.0 401 x\r\n\r\n", 401) is None
    assert Login("bank", "").answer(INVITE, ask.format("MD5"), 407) is None
