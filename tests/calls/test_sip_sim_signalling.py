"""The simulator's signalling on loopback: refusals, CANCEL, digest, re-INVITE, inbound calls, foreign messages."""

import asyncio
import gc
import socket
from pathlib import Path

import pytest
from aiosipua.auth import SipDigestAuth
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.sdp import build_sdp

from sip_sim.caller import Story
from sip_sim.ears import Ears
from sip_sim.model import Answers, CallSpec, Expect, Step
from sip_sim.phone import Ended, LineSpec, Phone, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.runner import Runner, RunSpec
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox
from tests.support.sip_sim_far import NUMBER, Start, dial, scenario, until

pytest_plugins = ["tests.support.sip_sim_far"]


@pytest.mark.parametrize("status", [486, 404, 480, 603])
async def test_refusals_arrive_with_their_status_and_are_acknowledged(
    far: SipEndpoint, start: Start, status: int
) -> None:
    carrier = start(scenario(answers=Answers(0.1, status), expect=Expect(sip=("INVITE", "100", str(status), "ACK"))))
    got, phone = await dial(far, carrier)
    assert got == status
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.wav == ""


async def test_an_unknown_number_is_404_and_does_not_use_up_the_scenario(far: SipEndpoint, start: Start) -> None:
    carrier = start(scenario(answers=Answers(0.1, 486)))
    assert (await dial(far, carrier, "999"))[0] == 404
    assert (await dial(far, carrier))[0] == 486
    assert len(await carrier.results()) == 1


async def test_nobody_answers_and_the_caller_cancels(far: SipEndpoint, start: Start) -> None:
    carrier = start(scenario(answers=Answers(never=True), expect=Expect(sip=("INVITE", "100", "180", "CANCEL", "487"))))
    status, phone = await dial(far, carrier, timeout_s=0.8)
    assert status == 0
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.ended_by == "cancelled"
    await phone.close()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_register_with_digest(far: SipEndpoint, start: Start, algorithm: str) -> None:
    registrar = Registrar({"bank": "secret"}, algorithm=algorithm)  # type: ignore[arg-type]
    carrier = start(scenario(answers=Answers(0.1, 486)), registrar=registrar)
    server = await carrier.address()
    assert not await far.register("bank", server, SipDigestAuth("bank", "wrong"), timeout_s=1)
    assert registrar.refused == 1
    assert registrar.bindings == {}
    assert await far.register("bank", server, SipDigestAuth("bank", "secret"), timeout_s=2)
    assert registrar.bindings["bank"].startswith("<sip:bank@127.0.0.1")
    await dial(far, carrier)
    await carrier.results()


async def test_an_invite_is_challenged_where_wanted(far: SipEndpoint, start: Start) -> None:
    registrar = Registrar({"bank": "secret"}, challenges_invite=True)
    carrier = start(scenario(answers=Answers(0.1, 486)), registrar=registrar)
    assert (await dial(far, carrier))[0] == 407
    assert (await dial(far, carrier, auth=SipDigestAuth("bank", "wrong")))[0] == 407
    assert (await dial(far, carrier, auth=SipDigestAuth("bank", "secret")))[0] == 486
    assert len(await carrier.results()) == 1


async def test_a_re_invite_is_answered_and_the_talk_goes_on(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(
        scenario(
            Step(1, hears=("goodbye",), hangs_up=True), expect=Expect(sip=("INVITE", "200", "INVITE", "200", "ACK"))
        )
    )
    _, phone = await dial(far, carrier)
    call = phone._call
    assert isinstance(call, OutgoingCall)
    offer = build_sdp("127.0.0.1", phone.line.port, 8, "PCMA")
    far._uac.send_reinvite(call.dialog, offer, call.remote_addr)
    await asyncio.sleep(0.3)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()


async def test_an_inbound_scenario_calls_the_target(start: Start, far: SipEndpoint, voices: VoiceBox) -> None:
    taken: list[Phone] = []

    def answer(call: object, _user: str) -> Phone:
        phone = Phone(far, LineSpec("PCMA"))
        phone.take(call)  # type: ignore[arg-type]
        phone.answer()
        taken.append(phone)
        return phone

    Switchboard(far, answer)
    call = CallSpec(number=NUMBER, direction="inbound", max_s=20)
    host, port = far.address
    carrier = start(scenario(Step(1, hears=("goodbye",), hangs_up=True), call=call), target=f"sip:{host}:{port}")
    while not taken:
        await asyncio.sleep(0.05)
    taken[0].say(voices.say("heart", "Thank you for calling. Goodbye."))
    await until(taken[0], Ended)
    await taken[0].close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.direction == "inbound"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "in this scenario the customer calls, but whom?"),
        ("sip:127.0.0.1:9", "nobody answers at sip:127.0.0.1:9"),
    ],
)
async def test_nobody_at_the_target_is_a_failure_that_says_so(start: Start, target: str, said: str) -> None:
    call = CallSpec(number=NUMBER, direction="inbound", max_s=20)
    carrier = start(scenario(call=call), target=target, wait_s=1)
    (result,) = await carrier.results()
    assert result.failures == (said,)


async def test_foreign_and_repeated_messages(start: Start) -> None:
    """Raw datagrams: garbage is ignored, OPTIONS answered, a repeated INVITE is one call, a BYE from nowhere is 481."""
    carrier = start(scenario(answers=Answers(0.4, 486)))
    server = await carrier.address()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind(("127.0.0.1", 0))
        raw.setblocking(False)
        port = raw.getsockname()[1]

        def request(method: str, branch: str) -> bytes:
            lines = [
                f"{method} sip:{NUMBER}@127.0.0.1 SIP/2.0",
                f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch}",
                "From: <sip:a@127.0.0.1>;tag=1",
                f"To: <sip:{NUMBER}@127.0.0.1>",
                "Call-ID: raw-1",
                f"CSeq: 1 {method}",
                "Max-Forwards: 70",
            ]
            return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()

        async def status() -> str:
            data = await asyncio.wait_for(loop.sock_recv(raw, 4096), 3)
            return data.decode().split("\r\n", 1)[0].split(" ")[1]

        raw.sendto(b"\x00\xffnonsense\r\n\r\n", server)
        raw.sendto(request("BYE", "b"), server)
        assert await status() == "481"
        raw.sendto(request("OPTIONS", "o"), server)
        assert await status() == "200"
        raw.sendto(request("FROBNICATE", "f"), server)
        assert await status() == "405"
        raw.sendto(request("INVITE", "i"), server)
        assert await status() == "100"
        raw.sendto(request("INVITE", "i"), server)
        assert await status() == "100"
        assert await status() == "486"
        raw.sendto(request("INVITE", "i"), server)
        assert await status() == "486"
        raw.sendto(request("ACK", "i"), server)
    assert len(await carrier.results()) == 1


async def test_a_taken_port_is_a_clear_error(voices: VoiceBox, ears: Ears, tmp_path: Path, far: SipEndpoint) -> None:
    from sip_sim.errors import PhoneError

    spec = RunSpec(port=far.address[1], out=tmp_path)
    with pytest.raises(PhoneError, match="cannot listen"):
        await Runner([scenario(answers=Answers(0, 486))], spec, voices, ears, lambda _: None).run()
    gc.collect()
    assert Story().failures == []
