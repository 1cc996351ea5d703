"""The parts of a scenario about the line, the answer, the agent, answering machines; and their mistakes."""

import textwrap
from pathlib import Path

import pytest

from sip_sim.errors import ScenarioError
from sip_sim.model import Scenario
from sip_sim.network import EchoSpec, NoiseSpec, OneWaySpec
from sip_sim.scenario import SCENARIOS, Surroundings, find_files, load, load_all, load_numbers, load_personas

EXAMPLE = Path(__file__).parents[3] / "examples" / "portfolio"
FOLDERS = sorted(path.name for path in SCENARIOS.iterdir() if path.is_dir())


def _load(folder: Path, text: str) -> Scenario:
    path = folder / "one.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load(path, Surroundings())


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        _load(folder, text)
    return [line.removeprefix(str(folder / "one.yaml")) for line in caught.value.message.splitlines()]


def test_a_bad_line_with_everything(tmp_path: Path) -> None:
    network = _load(
        tmp_path,
        """
        scenario: x
        call:
          number: 100
          network:
            loss: {share: "5%", burst: 3}
            jitter_ms: 10
            reorder: "2%"
            duplicate: 0.01
            delay_ms: 120
            drift_ppm: -300
            one_way: {loses: caller, from_s: 2, to_s: 5}
            noise: {kind: babble, snr_db: 15}
            echo: {gain_db: -25, delay_ms: 40}
        caller: []
        """,
    ).call.network
    assert (network.loss, network.burst, network.jitter_ms) == (0.05, 3, 10)
    assert (network.reorder, network.duplicate, network.delay_ms, network.drift_ppm) == (0.02, 0.01, 120, -300)
    assert network.one_way == OneWaySpec("caller", 2, 5)
    assert network.noise == NoiseSpec("babble", 15)
    assert network.echo == EchoSpec(-25, 40)


def test_noise_from_a_file_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "street.wav").write_bytes(b"")
    text = "scenario: x\ncall: {number: 100, network: {noise: {file: street.wav, snr_db: 5}}}\ncaller: []\n"
    assert _load(tmp_path, text).call.network.noise == NoiseSpec("file", 5, tmp_path / "street.wav")


def test_how_the_phone_rings(tmp_path: Path) -> None:
    text = "scenario: x\ncall: {number: 100}\nanswers: {provisional: [183, 180], early_media: Please wait, forks: 2}\n"
    answers = _load(tmp_path, text + "caller: []\n").answers
    assert (answers.rings, answers.early_media, answers.forks) == ((183, 180), "Please wait", 2)


def test_a_refusal_does_not_ring_unless_asked(tmp_path: Path) -> None:
    text = "scenario: x\ncall: {{number: 100}}\nanswers: {{with: 486{}}}\n"
    assert _load(tmp_path, text.format("")).answers.rings == ()
    assert _load(tmp_path, text.format(", provisional: [180]")).answers.rings == (180,)


def test_a_voicemail_is_a_greeting_and_then_what_is_left(tmp_path: Path) -> None:
    greets, hears = _load(
        tmp_path,
        """
        scenario: x
        call: {number: 100}
        caller:
          - {voicemail: {greeting: "Please leave a message."}, hears: call us back, not_hears: loan}
        """,
    ).caller
    assert greets.voicemail is not None
    assert (greets.voicemail.greeting, greets.voicemail.beep) == ("Please leave a message.", True)
    assert greets.hears == ()
    assert (hears.hears, hears.not_hears, hears.within_s) == (("call us back",), ("loan",), 45)


def test_a_screening_connects_or_hangs_up(tmp_path: Path) -> None:
    text = "scenario: x\ncall: {{number: 100}}\ncaller:\n  - {{screening: {{hears: Harbour Bank{}}}}}\n"
    asks, waits = _load(tmp_path, text.format("")).caller
    assert (asks.voice, waits.hears, waits.hangs_up) == ("heart", ("Harbour Bank",), False)
    refuses = _load(tmp_path, text.format(", then: hangs_up")).caller[1]
    assert refuses.hangs_up
    assert "not available" in refuses.says


def test_an_agent(tmp_path: Path) -> None:
    text = 'scenario: x\ncall: {number: 100}\nagent: {number: 900, accepts: "1", answers: busy}\ncaller: []\n'
    agent = _load(tmp_path, text).agent
    assert agent is not None
    assert (agent.number, agent.accepts, agent.answers) == ("900", "1", "busy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  - {backchannel: a, says: b}\n", ":4: step: only one of `says`, `backchannel`"),
        ("  - {stops_within_ms: 300}\n", ":4: stops_within_ms needs `barge_in_ms`: when does the customer cut in?"),
        ("  - {hold: sendonly, resume: true}\n", ":4: step: `hold` and `resume` in steps of their own"),
        ("  - {voicemail: {beep: true}}\n", ":4: voicemail: `greeting` is missing"),
        ("  - {hold: maybe}\n", ":4: hold must be one of inactive, sendonly, not 'maybe'"),
        ("  - {screening: {then: waits}}\n", ":4: then must be one of connects, hangs_up, not 'waits'"),
        ("  []\nagent: {accepts: x}\n", ":5: accepts: keys are 0-9 * # A-D"),
        ("  []\nagent: {accepts: 1}\n", ":5: agent: `number` is missing"),
        ("  []\nexpect: {agent: perhaps}\n", ":5: agent must be one of not_reached, reached, not 'perhaps'"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, expected: str) -> None:
    problems = _problems(tmp_path, f"scenario: x\ncall: {{number: 100}}\ncaller:\n{text}")
    assert any(problem.startswith(expected) for problem in problems), problems


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("{loss: {burst: 3}}", 'loss: `share` is missing, for example {share: "5%", burst: 3}'),
        ("{noise: {file: none.wav}}", "noise: there is no such file beside the scenario"),
        ("{echo: {gain_db: 3}}", "gain_db must be a number from -80 to 0, not '3'"),
        ("{one_way: {loses: all}}", "loses must be one of bot, caller, not 'all'"),
    ],
)
def test_mistakes_about_the_line(tmp_path: Path, network: str, expected: str) -> None:
    text = f"scenario: x\ncall: {{number: 100, network: {network}}}\ncaller: []\n"
    assert _problems(tmp_path, text) == [f":2: {expected}"]


def test_prompts_of_the_folder_above_are_known_and_its_own_win(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "prompts.yaml").write_text("ask: above\nbye: goodbye\n")
    (inner / "prompts.yaml").write_text("ask: own\n")
    (inner / "one.yaml").write_text("scenario: x\ncall: {number: 100}\ncaller: [{hears: [ask, bye]}]\n")
    assert load(inner / "one.yaml", Surroundings()).caller[0].hears == ("own", "goodbye")


def test_the_tour_stands_in_the_folder_itself() -> None:
    assert len(find_files([SCENARIOS], flat=True)) == 14


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_scenarios_of_each_folder_call_customers_of_the_example(folder: str) -> None:
    """Two of one customer are called one after the other (voicebot/demo/run.py)."""
    scenarios = load_all([SCENARIOS / folder], Surroundings(load_personas(), load_numbers(EXAMPLE)))
    assert {scenario.call.account for scenario in scenarios} <= set(load_numbers(EXAMPLE))
    assert all(scenario.expect.outcome for scenario in scenarios)


def test_forty_scenarios_ship_and_none_has_anothers_name() -> None:
    found = find_files([SCENARIOS])
    assert len(found) >= 40
    assert len({path.stem for path in found}) == len(found)
