"""The simulator's phones on real SIP and RTP over loopback, without the bot: another of its phones is the far end."""

import asyncio
import gc
import json
import socket
import threading
import wave
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from aiosipua.auth import SipDigestAuth
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.sdp import build_sdp

from sip_sim.caller import Story
from sip_sim.ears import Ears
from sip_sim.events import Event
from sip_sim.g711 import RATE, Samples
from sip_sim.hearing import SpeechEnded, speech_spans
from sip_sim.media import Digit, SaidAll
from sip_sim.model import Answers, CallSpec, Expect, Persona, Scenario, Step
from sip_sim.network import NetworkSpec
from sip_sim.phone import Ended, LineSpec, Phone, PhoneEvent, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.report import ScenarioResult, write_json, write_junit
from sip_sim.runner import Runner, RunSpec
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox
from sip_sim.wording import share_heard

MODEL = Path(__file__).parents[2] / "models" / "whisper-tiny-en"
NUMBER = "15550101001"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> VoiceBox:
    return VoiceBox(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def ears() -> Ears:
    return Ears(MODEL)


def scenario(*steps: Step, answers: Answers | None = None, call: CallSpec | None = None, **more: object) -> Scenario:
    numbered = call or CallSpec(number=NUMBER, max_s=30)
    fixed = {"persona": Persona("Joe", "joe"), "not_hears": (), "expect": Expect()} | more
    return Scenario(Path("test.yaml"), "a test", call=numbered, answers=answers or Answers(0.3), caller=steps, **fixed)  # type: ignore[arg-type]


class Carrier:
    """A Runner in the background."""

    def __init__(self, runner: Runner, events: list[Event]) -> None:
        self.events = events
        self._runner = runner
        self._task = asyncio.create_task(runner.run())

    async def address(self) -> tuple[str, int]:
        while self._runner.address[1] == 0 or not self.events:
            await asyncio.sleep(0.02)
            if self._task.done():
                self._task.result()
        return self._runner.address

    async def results(self) -> list[ScenarioResult]:
        return await self._task


Start = Callable[..., Carrier]


@pytest.fixture
def start(tmp_path: Path, voices: VoiceBox, ears: Ears) -> Start:
    def begin(*scenarios: Scenario, registrar: Registrar | None = None, target: str = "") -> Carrier:
        events: list[Event] = []
        spec = RunSpec(port=0, out=tmp_path / "out", target=target, wait_s=20, registrar=registrar)
        return Carrier(Runner(scenarios, spec, voices, ears, events.append), events)

    return begin


@pytest.fixture
async def far() -> AsyncIterator[SipEndpoint]:
    """The far end: where the bot would be. Afterwards nothing is left over."""
    endpoint = SipEndpoint("127.0.0.1", 0)
    await endpoint.start()
    yield endpoint
    await endpoint.stop()
    await asyncio.sleep(0.05)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sip-sim-media")]
    assert not [task for task in asyncio.all_tasks() if "sip_sim" in repr(task.get_coro())]


async def dial(far: SipEndpoint, carrier: Carrier, number: str = NUMBER, **options: object) -> tuple[int, Phone]:
    """Dial a number of the carrier; returns the final status and the far end's phone."""
    host, port = await carrier.address()
    line = options.pop("line", LineSpec("PCMA", hangover_s=0.5))
    assert isinstance(line, LineSpec)
    phone = Phone(far, line)
    board = Switchboard(far, lambda _call, _user: None)
    dialing = asyncio.create_task(phone.dial(f"sip:{number}@{host}:{port}", (host, port), "bank", **options))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    board.add(phone)
    return await dialing, phone


async def until(phone: Phone, *kinds: type, timeout_s: float = 15.0) -> PhoneEvent:
    async with asyncio.timeout(timeout_s):
        while True:
            event = await phone.events.get()
            if isinstance(event, kinds):
                return event


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
    """A burst sent by the far end is as long, and comes as evenly, in the caller's recording."""
    carrier = start(scenario(Step(1, anything=True, after_s=0.5, hangs_up=True)))
    _, phone = await dial(far, carrier)
    burst = (8000 * np.sin(2 * np.pi * 400 * np.arange(RATE // 2) / RATE)).astype(np.int16)
    quiet = np.zeros(RATE // 4, dtype=np.int16)
    phone.say(np.concatenate([burst, quiet, burst, quiet, burst]))
    await until(phone, SaidAll)
    await until(phone, Ended)
    await phone.close()
    (result,) = await carrier.results()
    heard = right_track(result.wav)
    edges = speech_spans(heard, join_s=0.1)
    assert len(edges) == 3
    lengths = [end - start for start, end in edges]
    steps = [after[0] - before[0] for before, after in pairwise(edges)]
    assert lengths == [pytest.approx(0.5, abs=0.021)] * 3
    assert steps == [pytest.approx(0.75, abs=0.021)] * 2


def right_track(path: str) -> Samples:
    with wave.open(path) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)[:, 1].astype(np.int16)


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


async def test_nobody_at_the_target_is_a_failure_that_says_so(start: Start) -> None:
    call = CallSpec(number=NUMBER, direction="inbound", max_s=20)
    carrier = start(scenario(call=call), target="nonsense")
    (result,) = await carrier.results()
    assert result.failures == ("--target 'nonsense' is not a SIP address",)


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
