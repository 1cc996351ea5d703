"""What a customer's phone can do: answering machine, "mm-hm", cutting in, hold, another codec; checked on sound."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from sip_sim.g711 import RATE
from sip_sim.hearing import SpeechEnded, SpeechStarted, speech_spans
from sip_sim.media import SaidAll
from sip_sim.model import Answers, CallSpec, Expect, Step, Voicemail
from sip_sim.network import EchoSpec, NetworkSpec, NoiseSpec
from sip_sim.phone import Ended, Phone
from sip_sim.report import ScenarioResult
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox
from tests.support.sip_sim_far import NUMBER, Carrier, Start, dial, scenario, until

pytest_plugins = ["tests.support.sip_sim_far"]

GREETING = "You have reached Joe and may leave a message after the tone."
MESSAGE = "Hello, this is the bank. Please call us back. Thank you."
PROMPT = "Please tell me on which day of the next month you will be able to pay the whole amount."
HANGS_UP = Step(9, hears=("goodbye",), hangs_up=True)


async def finish(phone: Phone, carrier: Carrier) -> ScenarioResult:
    await phone.close()
    (result,) = await carrier.results()
    return result


MACHINE = (
    Step(1, after_s=0.2, voicemail=Voicemail(GREETING)),
    Step(2, hears=("call us back",), not_hears=("loan",), within_s=10),
)


async def test_a_message_left_after_the_beep_is_heard(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(scenario(*MACHINE))
    _, phone = await dial(far, carrier)
    await until(phone, SpeechEnded)
    tone = await until(phone, SpeechEnded)
    assert isinstance(tone, SpeechEnded)
    beep = tone.samples[round(0.3 * RATE) : round(0.5 * RATE)].astype(np.float64)
    assert np.argmax(np.abs(np.fft.rfft(beep))) * RATE / beep.size == pytest.approx(1000, abs=10)
    phone.say(voices.say("heart", MESSAGE))
    await until(phone, SaidAll)
    await asyncio.sleep(1.5)
    await phone.hang_up()
    assert (await finish(phone, carrier)).failures == ()


async def test_a_message_begun_before_the_beep_is_not_recorded(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    carrier = start(scenario(*MACHINE))
    _, phone = await dial(far, carrier)
    await until(phone, SpeechStarted)
    phone.say(voices.say("heart", MESSAGE))
    await until(phone, SpeechEnded)
    await until(phone, SpeechEnded)
    await asyncio.sleep(1)
    await phone.hang_up()
    result = await finish(phone, carrier)
    assert result.failures[0].startswith("line 2: the call ended (bot) before this step ('call us back')")


async def test_a_word_forbidden_in_the_message_is_found(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(scenario(*MACHINE))
    _, phone = await dial(far, carrier)
    await until(phone, SpeechEnded)
    await until(phone, SpeechEnded)
    phone.say(voices.say("heart", "Please call us back. It is about your loan."))
    await until(phone, SaidAll)
    await asyncio.sleep(1.5)
    await phone.hang_up()
    assert "line 2: the bot said 'loan'" in (await finish(phone, carrier)).failures[0]


MURMUR = (Step(1, backchannel="Mm-hm.", barge_in_ms=1200), Step(2, hears=("day of the next month", "whole amount")))


async def test_a_prompt_that_goes_on_after_mm_hm_passes(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(scenario(*MURMUR, HANGS_UP))
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", PROMPT))
    await until(phone, SaidAll)
    await asyncio.sleep(1.5)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    result = await finish(phone, carrier)
    assert result.failures == ()
    assert [line.text for line in result.lines if line.who == "caller"] == ["Mm-hm."]


async def test_a_prompt_cut_and_begun_again_after_mm_hm_fails(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(scenario(*MURMUR, HANGS_UP))
    _, phone = await dial(far, carrier)
    prompt = voices.say("heart", PROMPT)
    phone.say(prompt[: round(3.2 * RATE)])
    await until(phone, SaidAll)
    await asyncio.sleep(1.0)
    phone.say(prompt)
    await until(phone, SaidAll)
    await asyncio.sleep(1.5)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    result = await finish(phone, carrier)
    assert result.failures[0].startswith("line 1: after 'Mm-hm.' the bot said")
    assert result.failures[0].endswith("a second time")


@pytest.mark.parametrize(("hushes_after_s", "passes"), [(0.1, True), (1.2, False)])
async def test_how_long_the_bot_talks_on_is_measured(
    far: SipEndpoint, start: Start, voices: VoiceBox, hushes_after_s: float, passes: bool
) -> None:
    cut = Step(1, barge_in_ms=800, says="I have no time for this, I am sorry.", stops_within_ms=700)
    carrier = start(scenario(cut, HANGS_UP))
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", PROMPT))
    await until(phone, SpeechStarted)
    await asyncio.sleep(hushes_after_s)
    phone.line.hush()
    await until(phone, SpeechEnded)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    result = await finish(phone, carrier)
    assert (result.failures == ()) is passes, result.failures
    assert result.timing is not None
    assert result.timing.stops_s[0] == pytest.approx(hushes_after_s + 0.2, abs=0.3)
    if not passes:
        assert "ms after the caller cut in" in result.failures[0]


async def test_hold_and_resume(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    steps = (Step(1, after_s=0.3, hold="inactive"), Step(2, silent_s=1.0, resume=True), HANGS_UP)
    wanted = Expect(sip=("INVITE", "200", "ACK", "INVITE", "200", "ACK", "INVITE", "200", "ACK", "BYE"))
    carrier = start(scenario(*steps, expect=wanted))
    _, phone = await dial(far, carrier)
    await asyncio.sleep(0.6)
    before = phone.line.packets_heard
    await asyncio.sleep(0.5)
    assert phone.line.packets_heard == before, "nothing is sent on hold"
    await asyncio.sleep(1.0)
    assert phone.line.packets_heard > before + 15
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    directions = [line for e in phone.ladder.entries for line in e.raw.splitlines() if line.startswith("a=")]
    assert [d for d in directions if d in {"a=inactive", "a=sendrecv"}][-4:] == ["a=inactive"] * 2 + ["a=sendrecv"] * 2
    assert (await finish(phone, carrier)).failures == ()


@pytest.mark.parametrize("knows", [True, False])
async def test_another_codec(far: SipEndpoint, start: Start, voices: VoiceBox, knows: bool) -> None:
    carrier = start(scenario(Step(4, after_s=0.3, codec="PCMU"), HANGS_UP))
    _, phone = await dial(far, carrier)
    if knows:
        phone._codec = "PCMU"
    await asyncio.sleep(0.8)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    result = await finish(phone, carrier)
    assert result.failures == (() if knows else ("line 4: the bot answered 488 to the re-INVITE",))


async def test_early_media_then_answered(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    wanted = Expect(sip=("INVITE", "100", "182", "180", "183", "200", "ACK"))
    answers = Answers(0.1, provisional=(182, 180), early_media="Your call is being connected.")
    carrier = start(scenario(HANGS_UP, answers=answers, expect=wanted))
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    assert (await finish(phone, carrier)).failures == ()
    at = {entry.name: entry.t for entry in phone.ladder.entries}
    assert at["200"] - at["183"] >= voices.say("heart", answers.early_media).size / RATE


async def test_several_phones_ring_each_with_its_own_tag(far: SipEndpoint, start: Start) -> None:
    carrier = start(scenario(answers=Answers(0.2, 486, provisional=(180,), forks=3)))
    status, phone = await dial(far, carrier)
    assert status == 486
    ringing = [e.raw for e in phone.ladder.entries if e.name == "180"]
    tags = {row.split("tag=")[1] for raw in ringing for row in raw.splitlines() if row.startswith("To:")}
    assert len(tags) == 3
    assert (await finish(phone, carrier)).failures == ()


async def test_the_far_end_hears_noise_and_its_own_echo(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    network = NetworkSpec(noise=NoiseSpec("white", 30), echo=EchoSpec(-12, 100))
    call = CallSpec(number=NUMBER, network=network, max_s=20)
    carrier = start(scenario(HANGS_UP, call=call))
    _, phone = await dial(far, carrier)
    await asyncio.sleep(0.6)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    await phone.close()
    sent, heard = (track.astype(np.float64) for track in phone.line.recorder.tracks())
    noise = heard[round(0.3 * RATE) : round(0.6 * RATE)]
    assert 20 * np.log10(np.sqrt(np.mean(noise**2)) / 32768) == pytest.approx(-53, abs=1.5)
    begun = round(speech_spans(phone.line.recorder.tracks()[0])[0][0] * RATE)
    said = sent[begun : begun + RATE]
    lags = range(round(0.08 * RATE), round(0.4 * RATE), 8)
    likeness = [float(np.dot(said, heard[begun + lag : begun + lag + RATE])) for lag in lags]
    best = lags[int(np.argmax(likeness))]
    gain = max(likeness) / float(np.dot(said, said))
    assert 0.12 <= best / RATE <= 0.3  # 100 ms and both phones' jitter buffers
    assert 20 * np.log10(gain) == pytest.approx(-12, abs=1.5)
    result = await finish(phone, carrier)
    assert result.failures == ()


async def test_a_drifting_clock_does_not_lose_the_call(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    call = CallSpec(number=NUMBER, network=NetworkSpec(drift_ppm=3000), max_s=20)
    carrier = start(scenario(HANGS_UP, call=replace(call, seed=3)))
    _, phone = await dial(far, carrier)
    await asyncio.sleep(3)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    result = await finish(phone, carrier)
    assert result.failures == ()
    assert result.timing is not None
    assert result.timing.length_s > phone.line.now - 0.1


async def test_what_was_said_before_the_bye_is_heard_over_a_slow_line(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    """The network holds sound up for 0.6 s but not the BYE; what was sent before it counts as said."""
    call = CallSpec(number=NUMBER, network=NetworkSpec(delay_ms=600), max_s=20)
    carrier = start(scenario(Step(1, hears=("goodbye",)), call=call))
    _, phone = await dial(far, carrier)
    await asyncio.sleep(0.3)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, SaidAll)
    await phone.hang_up()
    result = await finish(phone, carrier)
    assert result.failures == ()
    assert result.ended_by == "bot"
