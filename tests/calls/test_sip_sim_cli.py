"""`sip-sim` as a program: events for whoever drives the bot, reports, exit status, messages for bad input."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiosipua.incoming_call import IncomingCall

from sip_sim.desk import Desk, DeskSpec
from sip_sim.ears import Ears
from sip_sim.hearing import SpeechEnded
from sip_sim.phone import Ended, LineSpec, Phone, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox

ROOT = Path(__file__).parents[2]
BUSY = """\
scenario: busy
call: {flow: reminder, account: A-1, number: "15550101001"}
answers: {after_s: 0.1, with: 486}
expect: {disposition: BUSY, sip: [100, 486]}
"""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sip_sim", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


async def call(port: int, number: str) -> int:
    far = SipEndpoint("127.0.0.1", 0)
    await far.start()
    phone = Phone(far, LineSpec())
    Switchboard(far, lambda _call, _user: None)
    status = await phone.dial(f"sip:{number}@127.0.0.1:{port}", ("127.0.0.1", port), "bank", timeout_s=5)
    await phone.close()
    await far.stop()
    return status


async def test_events_report_and_exit_status(tmp_path: Path) -> None:
    (tmp_path / "busy.yaml").write_text(BUSY)
    arguments = ["run", str(tmp_path / "busy.yaml"), "--listen", "127.0.0.1:0", "--events"]
    arguments += ["--out", str(tmp_path / "out"), "--junit", str(tmp_path / "junit.xml")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip_sim", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    assert ready["event"] == "ready"
    (listed,) = ready["scenarios"]
    assert (listed["scenario"], listed["account"], listed["flow"]) == ("busy", "A-1", "reminder")
    assert listed["expect"] == {"disposition": "BUSY"}
    assert await call(ready["port"], "15550101001") == 486
    events = [json.loads(line) for line in (await process.stdout.read()).splitlines()]
    assert [event["event"] for event in events] == ["call", "result", "done"]
    assert events[1]["passed"]
    assert events[1]["sip"] == ["INVITE", "100", "486", "ACK"]
    assert await process.wait() == 0
    assert (tmp_path / "out" / "report.json").stat().st_size > 0
    assert (tmp_path / "junit.xml").stat().st_size > 0


def test_a_scenario_nobody_calls_fails(tmp_path: Path) -> None:
    (tmp_path / "busy.yaml").write_text(BUSY)
    got = run("run", str(tmp_path / "busy.yaml"), "--listen", "127.0.0.1:0", "--wait", "0.5", "--out", str(tmp_path))
    assert got.returncode == 1
    assert "busy: nobody called this number in time" in got.stdout


def test_a_wrong_file_is_named_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("scenario: x\ncall: {number: 100, codex: PCMA}\ncaller: []\n")
    got = run("check", str(tmp_path / "bad.yaml"))
    assert got.returncode == 2
    assert "bad.yaml:2: call: unknown key 'codex'; did you mean 'codec'?" in got.stderr
    assert "what to do:" in got.stderr
    assert "Traceback" not in got.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nowhere.yaml"),
        ("run", "--listen", "here"),
        ("run", "--expect-only", "no_such_scenario"),
        ("run", "--parallel", "0"),
        ("say", "--voice", "nobody", "--text", "x", "--out", "x.wav"),
        ("phone", "--persona", "nobody"),
    ],
)
def test_bad_arguments_end_with_status_2_and_a_hint(arguments: tuple[str, ...]) -> None:
    got = run(*arguments)
    assert got.returncode == 2, got.stderr
    assert "Traceback" not in got.stderr
    assert got.stderr.strip()


def test_check_of_the_shipped_scenarios_and_the_help() -> None:
    got = run("check")
    assert got.returncode == 0, got.stderr
    assert "verification_right_person.yaml: ok" in got.stdout
    shown = run("--help").stdout
    for command in ("run", "load", "phone", "check", "say", "record", "voices"):
        assert command in shown
    assert "Examples:" in run("run", "--help").stdout


async def test_the_open_phone_answers_hears_speaks_and_registers(tmp_path: Path) -> None:
    registrar = Registrar({"100": "secret"})
    far = SipEndpoint("127.0.0.1", 0, registrar)
    await far.start()
    host, port = far.address
    ears, box, shown = Ears(ROOT / "models" / "whisper-tiny-en"), VoiceBox(tmp_path), list[str]()
    for text in ("Hello, who is speaking, please?", "This is your bank."):
        box.say("heart", text)  # loading the voice takes its time on a busy machine
    await asyncio.to_thread(ears.load)
    spec = DeskSpec("100", "heart", port=0, ring_s=0.1, registrar=f"{host}:{port}", password="secret")
    desk = Desk(spec, box, ears, shown.append)
    serving = asyncio.create_task(desk.run(None, calls=1))

    async def shows(text: str) -> None:
        async with asyncio.timeout(30):
            while not any(text in line for line in shown):
                await asyncio.sleep(0.05)
                assert not serving.done(), serving.exception()

    await shows("listens")
    assert registrar.bindings["100"]
    phone = Phone(far, LineSpec(hangover_s=0.5))
    board = Switchboard(far, lambda _call, _user: None)
    dialing = asyncio.create_task(phone.dial(f"sip:100@127.0.0.1:{desk.address[1]}", desk.address, "bank"))
    await asyncio.sleep(0)
    board.add(phone)
    assert await dialing == 200
    desk.type("Hello, who is speaking, please?")
    async with asyncio.timeout(30):
        while not isinstance(event := await phone.events.get(), SpeechEnded):
            pass
    assert "who is speaking" in (await asyncio.to_thread(ears.transcribe, event.samples)).lower()
    phone.say(box.say("heart", "This is your bank."))
    await shows("your bank")
    desk.type("/hangup")
    async with asyncio.timeout(30):
        await serving
    await phone.close()
    await far.stop()
    assert shown[-1] == "call ended by me"


def test_desk_bad_password_is_said(tmp_path: Path) -> None:
    got = run(
        "phone", "--register", "127.0.0.1:9", "--password", "x", "--listen", "127.0.0.1:0", "--cache", str(tmp_path)
    )
    assert got.returncode == 2
    assert "did not accept the registration" in got.stderr


TALK = """\
scenario: talks
call: {flow: reminder, number: "15550101002"}
answers: {after_s: 0.1}
caller:
  - {hears: goodbye, hangs_up: true}
"""


@pytest.mark.parametrize("ringing", [False, True], ids=["talking", "ringing"])
async def test_ctrl_c_hangs_up_and_reports_what_ran(tmp_path: Path, ringing: bool) -> None:
    talk = TALK.replace("0.1", "60") if ringing else TALK
    for number, (name, text) in enumerate({"a_busy": BUSY, "b_talk": talk, "c_never": BUSY}.items()):
        (tmp_path / f"{name}.yaml").write_text(text.replace("15550101001", f"1555010100{2 * number + 1}"))
    arguments = ["run", str(tmp_path), "--listen", "127.0.0.1:0", "--brief", "--out", str(tmp_path / "out")]
    arguments += ["--junit", str(tmp_path / "junit.xml"), "--report", str(tmp_path / "report.html")]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip_sim", *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )
    assert process.stderr is not None
    ready = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    assert ready.startswith("scenarios: 3, waiting for calls at 127.0.0.1:")
    port = int(ready.rsplit(":", 1)[1])
    assert await call(port, "15550101001") == 486
    passed = (await asyncio.wait_for(process.stderr.readline(), 10)).decode()
    assert passed == "[a_busy] passed (1 of 3 calls done, 0 talking, 0 failed)\n"
    far = SipEndpoint("127.0.0.1", 0)
    await far.start()
    phone, board = Phone(far, LineSpec()), Switchboard(far, lambda _call, _user: None)
    dialing = asyncio.create_task(phone.dial(f"sip:15550101002@127.0.0.1:{port}", ("127.0.0.1", port), "bank"))
    await asyncio.sleep(0)
    board.add(phone)
    async with asyncio.timeout(10):
        while "180" not in phone.ladder.names():
            await asyncio.sleep(0.02)
    if not ringing:
        assert await dialing == 200
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert b"stopped: 2 of 3 scenarios ran" in err
    assert b"b_talk: stopped while the call was going on" in out
    if ringing:
        assert await dialing == 480
    else:
        assert "BYE" in phone.ladder.names()
    await phone.close()
    await far.stop()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [result["passed"] for result in report["results"]] == [True, False]
    assert 'tests="2"' in (tmp_path / "junit.xml").read_text()
    assert "1 of 2 scenarios failed" in (tmp_path / "report.html").read_text(encoding="utf-8")


async def test_customers_call_several_at_a_time_but_never_one_number_twice(tmp_path: Path) -> None:
    for name, number in {"a": "15550101001", "b": "15550101001", "c": "15550101002", "d": "15550101003"}.items():
        (tmp_path / f"{name}.yaml").write_text(INBOUND.replace("15550101001", number))
    box = VoiceBox(tmp_path / "cache")
    goodbye = box.say("heart", "Thank you for calling. Goodbye.")
    far = SipEndpoint("127.0.0.1", 0)
    await far.start()
    going, most, phones = list[str](), list[int](), list[Phone]()

    async def gone(phone: Phone, number: str) -> None:
        while not isinstance(await phone.events.get(), Ended):
            pass
        going.remove(number)

    def answer(incoming: IncomingCall, _user: str) -> Phone:
        number = incoming.caller
        assert number not in going
        phone = Phone(far, LineSpec())
        phone.take(incoming)
        phone.answer()
        phone.say(goodbye)
        phones.append(phone)
        going.append(number)
        most.append(len(going))
        left.append(asyncio.create_task(gone(phone, number)))
        return phone

    left: list[asyncio.Task[None]] = []
    Switchboard(far, answer)
    host, port = far.address
    arguments = ["run", str(tmp_path), "--parallel", "2", "--target", f"sip:{host}:{port}", "--listen", "127.0.0.1:0"]
    arguments += ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--brief"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip_sim", *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    assert len(phones) == 4
    assert max(most) == 2
    await asyncio.gather(*left)
    for phone in phones:
        await phone.close()
    await far.stop()


INBOUND = """\
scenario: calls in
call: {direction: inbound, number: "15550101001", max_s: 20}
caller:
  - {hears: goodbye, hangs_up: true}
"""


async def test_load_calls_in_three_times_at_once_and_reports_on_a_page(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(INBOUND)
    box = VoiceBox(tmp_path / "cache")
    goodbye = box.say("heart", "Thank you for calling. Goodbye.")
    far = SipEndpoint("127.0.0.1", 0)
    await far.start()
    phones: list[Phone] = []

    def answer(incoming: IncomingCall, _user: str) -> Phone:
        phone = Phone(far, LineSpec())
        phone.take(incoming)
        phone.answer()
        phone.say(goodbye)
        phones.append(phone)
        return phone

    Switchboard(far, answer)
    host, port = far.address
    arguments = ["load", str(tmp_path / "in.yaml"), "--calls", "3", "--target", f"sip:{host}:{port}", "--json"]
    arguments += ["--listen", "127.0.0.1:0", "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip_sim", *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    found = json.loads(out)
    assert (found["calls"], found["failed"], found["first_audio_s"]["n"]) == (3, 0, 3)
    assert found["first_audio_s"]["p95"] < 1
    assert b"3 of 3 calls done, 0 talking, 0 failed" in err
    assert len(phones) == 3
    for phone in phones:
        await phone.close()
    await far.stop()


async def test_it_ends_when_nobody_reads_its_events_any_more(tmp_path: Path) -> None:
    """Whoever drove the bot was killed: the simulator does not wait for calls that nobody will make."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(BUSY.replace("1001", "1001" if name == "a" else "1002"))
    arguments = ["run", str(tmp_path), "--listen", "127.0.0.1:0", "--events", "--out", str(tmp_path / "out")]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip_sim", *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    assert await call(ready["port"], "15550101001") == 480
    assert await asyncio.wait_for(process.wait(), 20) == 130
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [result["scenario"] for result in report["results"]] == ["a"]


def test_load_wants_one_scenario_and_a_target(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(INBOUND)
    assert "give --target" in run("load", str(tmp_path / "in.yaml")).stderr
    (tmp_path / "again.yaml").write_text(INBOUND)
    assert "holds 2 scenarios" in run("load", str(tmp_path)).stderr


def test_the_report_page_is_written(tmp_path: Path) -> None:
    (tmp_path / "busy.yaml").write_text(BUSY)
    where = ["--listen", "127.0.0.1:0", "--wait", "0.3", "--out", str(tmp_path / "out")]
    run("run", str(tmp_path / "busy.yaml"), *where, "--report", str(tmp_path / "r.html"))
    assert "nobody called this number in time" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_one_report_of_a_folder_with_its_folders(tmp_path: Path) -> None:
    for folder, number in {"lines": 1, "people": 2, "": 3}.items():
        (tmp_path / "all" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / folder / "busy.yaml").write_text(BUSY.replace("01001", f"0100{number}"))
    where = ["--listen", "127.0.0.1:0", "--wait", "0.3", "--out", str(tmp_path / "out"), "--brief"]
    reports = ["--junit", str(tmp_path / "junit.xml"), "--report", str(tmp_path / "r.html")]
    got = run("run", str(tmp_path / "all"), *where, *reports)
    assert got.returncode == 1
    assert got.stderr.startswith("scenarios: 3, waiting for calls at ")
    assert "(3 of 3 calls done, 0 talking, 3 failed)" in got.stderr
    cases = ElementTree.parse(tmp_path / "junit.xml").getroot().findall("testcase")
    files = {str(Path(case.attrib["file"]).relative_to(tmp_path / "all")) for case in cases}
    assert files == {"busy.yaml", "lines/busy.yaml", "people/busy.yaml"}
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("all-busy", "lines-busy", "people-busy"))
    flat = run("run", str(tmp_path / "all"), "--flat", *where)
    assert flat.stderr.startswith("scenarios: 1, ")
