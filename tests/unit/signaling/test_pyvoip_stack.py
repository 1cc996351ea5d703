"""What is mended in pyVoIP, without a network."""

from __future__ import annotations

import audioop
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyVoIP.RTP import PayloadType, RTPMessage, RTPParseError

from voicebot.model.audio import MEDIA_RATE
from voicebot.settings import TelephonySettings
from voicebot.signaling.pyvoip_messages import branch
from voicebot.signaling.pyvoip_stack import DIALING, Call, Message, Phone, Rtp, narrow, payload_of

SDP = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 111 8 0 96 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:96 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)
ANSWER = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKa\r\nTo: <sip:100@10.0.0.1>;tag=2;x=y\r\n"
    "From: <sip:bank@10.0.0.9>;tag=1\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:100@10.0.0.1:5062>;expires=9\r\n"
    "Content-Type: application/sdp\r\n\r\n"
)


def message(text: str) -> Message:
    return Message(text.encode())


def rtp(codec: PayloadType = PayloadType.PCMA) -> Rtp:
    return Rtp(
        {int(codec): codec, 101: PayloadType.EVENT},
        "127.0.0.1",
        4000,
        "127.0.0.1",
        4002,
        "sendrecv",
        telephony=TelephonySettings(),
    )


def packet(kind: int, payload: bytes, sequence: int = 1, first: int = 0x80) -> bytes:
    return bytes([first, kind]) + sequence.to_bytes(2, "big") + (sequence * 160).to_bytes(4, "big") + b"ssrc" + payload


def test_a_message_has_its_status_tag_and_contact_as_they_are() -> None:
    answer = message(ANSWER + SDP)
    assert (answer.code, answer.reason, answer.name) == (200, "OK", "")
    assert answer.headers["To"]["tag"] == "2"
    assert answer.headers["Contact"] == "<sip:100@10.0.0.1:5062>"


@pytest.mark.parametrize("status", [183, 407, 486, 487, 477, 699])
def test_any_status_is_read_those_too_that_pyvoip_has_no_name_for(status: int) -> None:
    answer = message(ANSWER.replace("200 OK", f"{status} Some Reason"))
    assert (answer.code, answer.reason) == (status, "Some Reason")


def test_of_sdp_only_what_is_wanted_is_left() -> None:
    answer = message(ANSWER + SDP)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert narrow(answer, ("PCMA",))
        assert answer.body["m"][0]["methods"] == ["8", "101"]
    video = message(ANSWER + SDP + "m=video 5000 RTP/AVP 99\r\nc=IN IP4 10.0.0.2\r\na=rtpmap:99 H264/90000\r\n")
    assert narrow(video, ("PCMU", "PCMA"))
    assert [line["type"] for line in video.body["m"]] == ["audio"]
    assert video.body["c"][0]["address"] == "10.0.0.1"


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        SDP.replace("8 0 ", ""),
        SDP.replace("4000", "0"),
        SDP.replace("4000", "70000"),
        SDP.replace("IP4 10.0.0.1\r\nt", "IP4 x.y\r\nt"),
        SDP.replace("c=", "i="),
    ],
)
def test_sdp_without_anything_for_us_is_refused(sdp: str) -> None:
    assert not narrow(message(ANSWER + sdp), ("PCMU", "PCMA"))


@pytest.mark.parametrize("codec", [PayloadType.PCMU, PayloadType.PCMA])
def test_sound_is_sent_in_its_own_codec_from_16_bits(codec: PayloadType) -> None:
    quiet = (np.sin(np.arange(160) / 5) * 100).astype(np.int16)  # half a step of pyVoIP's own 8 bits
    sent = rtp(codec).encode_packet(quiet.tobytes())
    decode = audioop.alaw2lin if codec is PayloadType.PCMA else audioop.ulaw2lin
    heard = np.frombuffer(decode(sent, 2), dtype=np.int16)
    assert np.abs(heard - quiet).max() <= 16


@pytest.mark.parametrize("codec", [PayloadType.PCMU, PayloadType.PCMA])
def test_sound_is_received_in_16_bits(codec: PayloadType) -> None:
    line = rtp(codec)
    encode = audioop.lin2alaw if codec is PayloadType.PCMA else audioop.lin2ulaw
    pcm16 = np.arange(-1600, 1600, 20, dtype=np.int16).tobytes()
    line.parse_packet(packet(int(codec), encode(pcm16, 2)))
    heard = np.frombuffer(line.incoming.take(MEDIA_RATE), dtype=np.int16)
    assert np.abs(heard - np.frombuffer(pcm16, dtype=np.int16)).max() <= 32


def test_the_sequence_number_goes_round() -> None:
    line = rtp()
    line.outSequence, line.outTimestamp = 65536, 2**32 + 5
    line.encode_packet(bytes(320))
    assert (line.outSequence, line.outTimestamp) == (0, 5)


def test_a_key_is_told_once_without_the_packet_that_has_the_marker() -> None:
    keys: list[str] = []
    line = rtp()
    line.dtmf = keys.append
    for _ in range(4):
        line.parse_packet(packet(101, bytes([11, 0x8A, 3, 32])))
    line.parse_packet(packet(101, bytes([5, 10, 0, 160]), sequence=2))
    line.parse_packet(packet(101, bytes([99, 10, 0, 160]), sequence=3))
    assert keys == ["#", "5"]


def test_header_extension_and_padding_are_no_sound() -> None:
    extended = packet(8, b"\xbe\xde\x00\x01abcd" + b"sound", first=0x90)
    assert payload_of(RTPMessage(extended, {8: PayloadType.PCMA})) == b"sound"
    padded = packet(8, b"sound" + b"\0\0\3", first=0xA0)
    assert payload_of(RTPMessage(padded, {8: PayloadType.PCMA})) == b"sound"


def test_another_codec_than_agreed_is_not_heard() -> None:
    line = rtp(PayloadType.PCMA)
    line.parse_packet(packet(0, bytes(160)))
    line.parse_packet(packet(3, bytes(33)))
    assert line.incoming.received == 0


@given(st.binary(max_size=60))
def test_no_packet_breaks_the_receiving_thread(data: bytes) -> None:
    line = rtp()
    for first in (b"", b"\x80\x08", b"\x90\x65", b"\xbf\xe5"):
        try:
            line.parse_packet(first + data)
        except RTPParseError:
            continue  # pyVoIP's thread takes this one


def phone(low: int, high: int) -> Phone:
    return Phone("127.0.0.1:5070", "bank", "127.0.0.1", 5060, TelephonySettings(rtp_ports=(low, high)))


def test_rtp_ports_are_even_different_and_come_back() -> None:
    bank = phone(31001, 31007)
    taken = [bank.request_port() for _ in range(3)]
    assert sorted(taken) == [31002, 31004, 31006]
    with pytest.raises(Exception, match="every RTP port is taken"):
        bank.request_port()
    call_id = bank.sip.gen_call_id()
    bank.assignedPorts.remove(31004)
    text, media = bank.invite("sip:100@127.0.0.1:5070", "bank.example", call_id)
    call = Call(bank, DIALING, message(text), 1, "127.0.0.1", media, "sendrecv")
    assert 31004 in bank.assignedPorts
    call.free()
    call.free()
    assert 31004 not in bank.assignedPorts
    assert "m=audio 31004 RTP/AVP 8 0 101\r\n" in text
    assert "From: <sip:bank@bank.example>;tag=" in text


def test_the_ack_to_an_answer_goes_to_its_contact_with_its_tag() -> None:
    bank = phone(31010, 31020)
    bank.sip.tagLibrary["c"] = "1"
    ack = bank.sip.gen_ack(message(ANSWER + SDP))
    assert ack.startswith("ACK sip:100@10.0.0.1:5062 SIP/2.0\r\n")
    assert "\r\nTo: <sip:100@10.0.0.1>;tag=2;x=y\r\n" in ack
    assert ack.count("Via:") == 1
    assert branch(ack) not in {"", "z9hG4bKa"}
