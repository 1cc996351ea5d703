"""The simulator's phones talk over real SIP and RTP on loopback, without the bot: heard, spoken, measured."""

import asyncio
import json
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sip_sim.ears import Ears
from sip_sim.g711 import FRAME, RATE, Samples
from sip_sim.hearing import SpeechEnded, speech_spans
from sip_sim.media import Digit, SaidAll
from sip_sim.model import CallSpec, Expect, Persona, Step
from sip_sim.network import NetworkSpec
from sip_sim.phone import Ended, LineSpec, Phone
from sip_sim.report import ScenarioResult, write_json, write_junit
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox
from sip_sim.wording import share_heard
from tests.support.sip_sim_far import NUMBER, Start, dial, scenario, until

pytest_plugins = ["tests.support.sip_sim_far"]


async def test_a_whole_call_heard_and_spoken_both_ways(
    far: SipEndpoint, start: Start, voices: VoiceBox, ears: Ears, tmp_path: Path
) -> None:
    carrier = start(
        scenario(
            Step(1, after_s=0.3, says="Hello, this is Joe Miller speaking, good morning."),
            Step(2, hears=("date of birth",), says="The second of May nineteen ninety."),
            Step(3, hears=("last four digits",), presses="4021#"),
            Step(4, hears=("goodbye",), hangs_up=True),
            not_hears=("loan",),
            expect=Expect(sip=("INVITE", "100", "180", "200", "ACK", "BYE", "BYE 200"), outcome={"disposition": "X"}),
        )
    )
    status, phone = await dial(far, carrier)
    assert status == 200
    first = await until(phone, SpeechEnded)
    assert isinstance(first, SpeechEnded)
    assert share_heard("this is Joe Miller speaking", ears.transcribe(first.samples)) >= 0.8
    phone.say(voices.say("heart", "Please say your date of birth."))
    second = await until(phone, SpeechEnded)
    assert isinstance(second, SpeechEnded)
    assert share_heard("second of May", ears.transcribe(second.samples)) == 1
    phone.press("59")
    phone.say(voices.say("heart", "And now the last four digits, please."))
    digits = [await until(phone, Digit) for _ in range(5)]
    assert "".join(d.digit for d in digits if isinstance(d, Digit)) == "4021#"
    phone.say(voices.say("heart", "Thank you. Goodbye."))
    ended = await until(phone, Ended)
    assert isinstance(ended, Ended)
    assert ended.by == "bot"
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.digits == "59"
    assert result.ended_by == "caller"
    check_reports(result, tmp_path)
    check_timing(result, phone)
    kinds = [event["event"] for event in carrier.events]
    assert kinds[0] == "ready"
    assert {"call", "answered", "said", "heard", "pressed", "dtmf", "hung_up", "result"} <= set(kinds)
    assert kinds[-1] == "done"


def check_reports(result: ScenarioResult, folder: Path) -> None:
    """The recording, the ladder and the reports are there and say the same."""
    assert result.timing is not None
    with wave.open(result.wav) as recording:
        assert recording.getnchannels() == 2
        assert recording.getnframes() / 8000 == pytest.approx(result.timing.length_s, abs=0.01)
    ladder = Path(result.ladder).read_text(encoding="utf-8")
    assert "<-- far end   INVITE sip:15550101001@" in ladder
    assert "simulator --> SIP/2.0 180" in ladder.replace("-->  ", "--> ")
    write_json(folder / "r.json", [result])
    assert json.loads((folder / "r.json").read_text())["results"][0]["expect"] == {"disposition": "X"}
    write_junit(folder / "r.xml", [result])
    assert 'failures="0"' in (folder / "r.xml").read_text()


def check_timing(result: ScenarioResult, phone: Phone) -> None:
    """What the caller's recording says agrees with what the far end's recording shows."""
    assert result.timing is not None
    sent, heard = phone.line.recorder.tracks()
    own, joe = speech_spans(sent, join_s=0.3), speech_spans(heard)
    assert result.timing.first_audio_s == pytest.approx(own[0][0], abs=0.15)
    assert result.timing.reply_gaps_s[0] == pytest.approx(own[0][0] - joe[0][1], abs=0.2)
    said = [line for line in result.lines if line.who == "caller"]
    assert said[0].t0 == pytest.approx(0.3, abs=0.15)
    assert said[0].text.startswith("Hello, this is Joe")


async def test_loss_and_jitter_are_applied_and_the_call_still_understood(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    bad = CallSpec(number=NUMBER, codec="PCMU", network=NetworkSpec(0.05, 30), seed=11, max_s=30)
    carrier = start(
        scenario(
            Step(1, after_s=0.1, says="Hello, this is Joe Miller speaking, good morning, how can I help you?"),
            Step(2, hears=("goodbye",), hangs_up=True),
            call=bad,
        )
    )
    status, phone = await dial(far, carrier, line=LineSpec("PCMU"))
    assert status == 200
    await until(phone, SpeechEnded)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.timing is not None
    assert result.seed == 11
    sent = result.timing.length_s * 50
    assert 0.02 * sent <= result.packets_lost / 2 <= 0.10 * sent
    assert phone.line.packets_heard < sent * 0.99


async def test_the_timeline_is_exact_to_a_frame(far: SipEndpoint, start: Start, ears: Ears) -> None:
    """A burst sent by the far end is as long, and comes as evenly, in the caller's recording.

    On a busy machine the far end sends late, and what comes later than the jitter buffer allows is heard later: so much
    (by the kernel's times of arrival) the recording may differ; the packets and their timestamps may not.
    """
    carrier = start(scenario(Step(1, anything=True, after_s=0.5, hangs_up=True)))
    _, phone = await dial(far, carrier)
    burst = (8000 * np.sin(2 * np.pi * 400 * np.arange(RATE // 2) / RATE)).astype(np.int16)
    quiet = np.zeros(RATE // 4, dtype=np.int16)
    phone.say(np.concatenate([burst, quiet, burst, quiet, burst]))
    await until(phone, SaidAll)
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    sent = speech_spans(phone.line.recorder.tracks()[0], join_s=0.1)
    check_bursts(sent, 0.021)
    packets = np.loadtxt(Path(result.wav).with_suffix(".packets.csv"), delimiter=",", skiprows=1)
    at, sequence, timestamp, _, _, size = packets[np.argsort(packets[:, 1])].T
    assert set(np.diff(sequence)) == {1}
    assert set(np.diff(timestamp)) == {FRAME}
    assert set(size) == {12 + FRAME}
    assert len(packets) >= sent[-1][1] * 50
    heard = right_track(result.wav)
    loud = np.abs(heard[: heard.size // FRAME * FRAME].reshape(-1, FRAME)).max(axis=1) > 1000
    assert 75 <= np.count_nonzero(loud) <= 78  # frames: no sound is lost, however late it came
    journey = at - timestamp / RATE
    late = max(0.0, float(journey.max() - journey.min()) - 0.04)
    if late < 0.1:
        check_bursts(speech_spans(heard, join_s=0.1 + late), 0.021 + late)


def check_bursts(spans: list[tuple[float, float]], within_s: float) -> None:
    """Three of 0.5 s, 0.25 s between them."""
    assert len(spans) == 3
    lengths = [end - start for start, end in spans]
    steps = [after[0] - before[0] for before, after in pairwise(spans)]
    assert lengths == [pytest.approx(0.5, abs=within_s)] * 3
    assert steps == [pytest.approx(0.75, abs=within_s)] * 2


def right_track(path: str) -> Samples:
    with wave.open(path) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)[:, 1].astype(np.int16)


async def test_a_prompt_never_heard_fails_and_leaves_the_evidence(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    persona = Persona("Joe", "joe", patience_s=3)
    carrier = start(scenario(Step(7, hears=("date of birth",), says="Yes."), persona=persona, not_hears=("loan",)))
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", "This is about your loan."))
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    assert not result.passed
    assert result.failures[0].startswith("line 7: waited 3 s to hear 'date of birth', heard 'This is about your loan")
    assert result.failures[1].startswith("the bot said 'loan'")
    assert right_track(result.wav).size > 0
    assert result.ladder.endswith(".sip.txt")
    assert result.seed > 0


async def test_the_answer_is_repeated_when_the_same_is_asked_again(
    far: SipEndpoint, start: Start, voices: VoiceBox
) -> None:
    carrier = start(
        scenario(
            Step(1, hears=("date of birth",), says="The second of May."),
            Step(2, hears=("goodbye",), hangs_up=True),
        )
    )
    _, phone = await dial(far, carrier)
    for _ in range(2):
        phone.say(voices.say("heart", "Please say your date of birth."))
        await until(phone, SpeechEnded)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    assert result.repeats == 1


async def test_barging_in_cuts_into_the_prompt(far: SipEndpoint, start: Start, voices: VoiceBox) -> None:
    carrier = start(
        scenario(Step(1, barge_in_ms=500, says="I have no time."), Step(2, hears=("goodbye",), hangs_up=True))
    )
    _, phone = await dial(far, carrier)
    phone.say(voices.say("heart", "Good morning, this is a rather long prompt that nobody wants to hear to its end."))
    said = await until(phone, SpeechEnded, SaidAll)
    assert isinstance(said, (SpeechEnded, SaidAll))
    phone.line.hush()
    await asyncio.sleep(1.0)
    phone.say(voices.say("heart", "Thank you for your time. Goodbye."))
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    assert result.failures == ()
    spoken = next(line for line in result.lines if line.who == "caller")
    assert result.timing is not None
    assert result.timing.first_audio_s is not None
    assert spoken.t0 - result.timing.first_audio_s == pytest.approx(0.5, abs=0.25)
