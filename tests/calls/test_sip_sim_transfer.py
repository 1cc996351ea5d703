"""The customer's phone carries out a REFER; the agent's desk phone answers, is busy, accepts, takes a call over."""

import asyncio

import pytest
from aiosipua.outgoing_call import OutgoingCall

from sip_sim.media import Digit
from sip_sim.model import Agent, Expect, Step
from sip_sim.phone import LineSpec, Phone, Switchboard
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox
from tests.support.sip_sim_far import Start, dial, scenario, until

pytest_plugins = ["tests.support.sip_sim_far"]

AGENT = "15550109000"
WAITS = Step(1, hears=("goodbye",), within_s=20)


def refer(far: SipEndpoint, phone: Phone, target: str) -> None:
    call = phone._call
    assert isinstance(call, OutgoingCall)
    far._uac.send_refer(call.dialog, target, call.remote_addr)


async def notified(phone: Phone, status: int) -> None:
    async with asyncio.timeout(10):
        while not any(f"SIP/2.0 {status}" in e.raw and e.name == "NOTIFY" for e in phone.ladder.entries):
            await asyncio.sleep(0.05)


async def test_a_blind_transfer_reaches_the_agent(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    agent = Agent(AGENT, after_s=0.2, says="Hello, this is Laura, how can I help?")
    wanted = Expect(sip=("INVITE", "200", "REFER", "REFER 202", "NOTIFY", "NOTIFY", "BYE"), agent="reached")
    carrier = start(scenario(WAITS, agent=agent, expect=wanted))
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", "Goodbye."))
    await asyncio.sleep(1.5)
    host, port = await carrier.address()
    refer(far, phone, f"sip:{AGENT}@{host}:{port}")
    await notified(phone, 200)
    await phone.hang_up()
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert {event["event"] for event in carrier.events} >= {"transfer"}


@pytest.mark.parametrize(("answers", "status"), [("busy", 486), ("nobody", 404)])
async def test_a_transfer_that_fails_says_so(
    far: SipEndpoint, start: Start, voices: VoiceBox, answers: str, status: int
) -> None:
    agent = Agent(AGENT, answers=answers) if answers == "busy" else None
    carrier = start(scenario(WAITS, agent=agent, expect=Expect(agent="not_reached")))
    _, phone = await dial(far, carrier)
    host, port = await carrier.address()
    refer(far, phone, f"sip:{AGENT}@{host}:{port}")
    await notified(phone, status)
    phone.say(voices.say("heart", "I am sorry, nobody is free. Goodbye."))
    await asyncio.sleep(3.5)
    await phone.hang_up()
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()


async def test_an_attended_transfer_with_the_summary_and_the_key(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    agent = Agent(AGENT, after_s=0.2, hears=("press one",), accepts="1", says="Hello, this is Laura.")
    carrier = start(scenario(WAITS, agent=agent, expect=Expect(agent="reached")))
    _, customer = await dial(far, carrier)
    customer.say(voices.say("heart", "One moment, please. Goodbye."))
    second = SipEndpoint("127.0.0.1", 0)
    await second.start()
    desk = Phone(second, LineSpec("PCMA"))
    board = Switchboard(second, lambda _call, _user: None)
    host, port = await carrier.address()
    dialing = asyncio.create_task(desk.dial(f"sip:{AGENT}@{host}:{port}", (host, port), "bank"))
    await asyncio.sleep(0)
    board.add(desk)
    assert await dialing == 200
    desk.say(voices.say("heart", "A customer wants to talk about a bill. Press one to take the call."))
    pressed = await until(desk, Digit)
    assert isinstance(pressed, Digit)
    assert pressed.digit == "1"
    call = desk._call
    assert isinstance(call, OutgoingCall)
    dialog = call.dialog
    replaces = f"{dialog.call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}".replace("@", "%40")
    refer(far, customer, f"sip:{AGENT}@{host}:{port}?Replaces={replaces}")
    await notified(customer, 200)
    async with asyncio.timeout(10):
        while not desk.ended:
            await asyncio.sleep(0.05)
    await customer.hang_up()
    await customer.close()
    await desk.close()
    await second.stop()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert any(line.who == "bot to agent" and "bill" in line.text for line in result.lines)
