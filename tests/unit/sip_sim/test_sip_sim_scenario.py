"""Scenario files: what is read, and what is said about a wrong one."""

import json
import textwrap
from pathlib import Path

import pytest

from sip_sim import reading_call, reading_steps
from sip_sim import scenario as source
from sip_sim.errors import ScenarioError, VoiceError
from sip_sim.model import Persona
from sip_sim.scenario import SCENARIOS, Surroundings, find_files, load, load_all, load_numbers, load_personas, with_seed
from sip_sim.voices import load_registry
from tests.support.json_schema import problems, read_yaml

EXAMPLE = Path(__file__).parents[3] / "examples" / "portfolio"
CALLS = Path(__file__).parents[2] / "calls" / "scenarios"
SCHEMA = json.loads((SCENARIOS / "schema.json").read_text(encoding="utf-8"))


def _write(folder: Path, text: str, name: str = "one.yaml") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def _problems(folder: Path, text: str, around: Surroundings | None = None) -> list[str]:
    path = _write(folder, text)
    with pytest.raises(ScenarioError) as caught:
        load(path, around or Surroundings())
    assert caught.value.hint
    return [line.removeprefix(str(path)) for line in caught.value.message.splitlines()]


def test_the_design_page_example(tmp_path: Path) -> None:
    _write(tmp_path, "greet: speaking with\nask_dob: date of birth\nverified: thank you\n", "prompts.yaml")
    path = _write(
        tmp_path,
        """
        scenario: date of birth wrong once, then right, own voice
        call: {flow: verification, account: A-1001, codec: PCMA, network: {loss: "2%", jitter_ms: 30}}
        caller:
          - {hears: greet,    says: "yes speaking",                  voice: joe}
          - {hears: ask_dob,  says: "first of may nineteen ninety",  voice: joe}
          - {hears: ask_dob,  says: "second of may nineteen ninety", voice: joe, barge_in_ms: 400}
          - {hears: verified, hangs_up: true}
        expect: {disposition: RPC_VERIFIED, voiceprint: match, reply_within_ms: 1000, sip: [100, 180, 200, BYE]}
        """,
    )
    got = load(path, Surroundings(numbers={"A-1001": "15550101001"}))
    assert (got.call.number, got.call.codec) == ("15550101001", "PCMA")
    assert (got.call.network.loss, got.call.network.jitter_ms) == (0.02, 30)
    assert [step.line for step in got.caller] == [5, 6, 7, 8]
    assert got.caller[2].barge_in_ms == 400
    assert got.caller[3].hangs_up
    assert got.expect.sip == ("100", "180", "200", "BYE")
    assert got.expect.outcome == {"disposition": "RPC_VERIFIED", "voiceprint": "match"}
    assert got.slug == "one"


def test_names_of_prompts_stand_for_their_phrases(tmp_path: Path) -> None:
    _write(tmp_path, "ask: [date, birth]\nloans: [loan, due]\n", "prompts.yaml")
    path = _write(
        tmp_path,
        """
        scenario: x
        call: {number: 100}
        not_hears: loans
        caller:
          - {hears: [ask, "hello there"], hangs_up: true}
        """,
    )
    got = load(path, Surroundings())
    assert got.caller[0].hears == ("date", "birth", "hello there")
    assert got.not_hears == ("loan", "due")
    assert find_files([tmp_path]) == [path]


@pytest.mark.parametrize(
    ("hears", "advice"),
    [
        ("ask_burth_date", "did you mean 'ask_birth_date'? (words to be heard: with spaces)"),
        ("[goodbye, verified_caller]", "prompts.yaml has ask_birth_date, goodbye (words to be heard: with spaces)"),
        ("goodby", "did you mean 'goodbye'? (a word to be heard: in quotes, \"goodby\")"),
    ],
)
def test_a_misspelt_name_of_a_prompt_is_no_word_to_hear(tmp_path: Path, hears: str, advice: str) -> None:
    _write(tmp_path, "ask_birth_date: [date, birth]\ngoodbye: goodbye\n", "prompts.yaml")
    name = hears.rpartition(" ")[2].strip("[]")
    lines = f"scenario: x\ncall: {{number: 100}}\ncaller:\n  - {{hears: {hears}, hangs_up: true}}\n"
    assert _problems(tmp_path, lines) == [f":4: hears: no prompt is called {name!r}; {advice}"]


def test_words_are_taken_as_they_stand(tmp_path: Path) -> None:
    _write(tmp_path, "goodbye: goodbye\n", "prompts.yaml")
    text = 'scenario: x\ncall: {number: 100}\nnot_hears: [debt, "goodby"]\ncaller: [{hears: hello, not_hears: loan}]\n'
    got = load(_write(tmp_path, text), Surroundings())
    assert (got.not_hears, got.caller[0].hears, got.caller[0].not_hears) == (("debt", "goodby"), ("hello",), ("loan",))


def test_a_name_without_a_file_of_names_is_a_problem(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, "scenario: x\ncall: {number: 100}\ncaller: [{hears: ask_name}]\n")
    assert "there is no prompts.yaml beside or above" in problem


def test_personas_by_name_or_in_place(tmp_path: Path) -> None:
    text = "scenario: x\npersona: {}\ncall: {{number: 100}}\ncaller: []\n"
    around = Surroundings(personas={"ann": Persona("Ann", "heart")})
    assert load(_write(tmp_path, text.format("ann")), around).persona.voice == "heart"
    placed = load(_write(tmp_path, text.format("{name: Bob, voice: joe-deep, patience_s: 5}")), around).persona
    assert (placed.name, placed.voice, placed.patience_s) == ("Bob", "joe-deep", 5)
    assert _problems(tmp_path, text.format("carl"), around) == [":2: persona must be one of ann, not 'carl'"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [":1: the file is empty"]),
        ("- a\n- b\n", [":1: scenario must be a mapping (key: value)"]),
        ("call: {number: 100}\ncaller: []\n", [":1: 'scenario' is missing"]),
        ("scenario: x\ncaller: []\n", [":1: 'call' is missing"]),
        ("scenario: x\ncall: {number: 100}\n", [":1: 'caller' is missing: what does the customer do?"]),
        (
            "scenario: x\ncall: {number: 100, codec: G729, direction: up}\n"
            "caller:\n  - {heers: a}\n  - {says: b, plays: c}\n",
            [
                ":2: codec must be one of PCMA, PCMU, not 'G729'",
                ":2: direction must be one of inbound, outbound, not 'up'",
                ":4: step: unknown key 'heers'; did you mean 'hears'?",
                ":5: plays: there is no such file beside the scenario",
                ":5: step: either `says` or `plays`, not both",
            ],
        ),
        (
            'scenario: x\ncall: {number: 12, network: {loss: "200%", jitter_ms: -1}}\ncaller: []\n',
            [
                ":2: number must be 3 to 15 digits, with or without a leading +",
                ":2: loss must be a share such as \"2%\" or 0.02, not '200%'",
                ":2: jitter_ms must be a number from 0 to 1000, not '-1'",
            ],
        ),
        (
            "scenario: x\ncall: {number: 100}\nanswers: {with: 486, no_answer: true}\n",
            [":3: answers: either `with` or `no_answer`, not both"],
        ),
        (
            "scenario: x\ncall: {number: 100}\n"
            "caller:\n  - {presses: 12x}\n  - {hears: a, hears: b}\n  - {hangs_up: perhaps}\n",
            [
                ":4: presses: keys are 0-9 * # A-D",
                ":5: step: 'hears' stands here twice",
                ":6: hangs_up must be true or false",
            ],
        ),
        (
            "scenario: x\ncall: {flow: a}\ncaller: []\n",
            [":2: call: no number: give `number`, or `account` together with --portfolio FOLDER"],
        ),
        (
            "scenario: x\ncall: {number: 100}\ncaller: []\nexpect: {dispositon: A}\n",
            [":4: expect: unknown key 'dispositon'; did you mean 'disposition'?"],
        ),
    ],
)
def test_every_problem_is_named_with_its_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert sorted(_problems(tmp_path, text)) == sorted(expected)


@pytest.mark.parametrize("text", ["scenario: [x\ncall: y", "scenario: 'x\n", "a: b: c"])
def test_broken_yaml_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    (problem,) = _problems(tmp_path, text)
    assert problem.startswith((":1: ", ":2: "))


def test_hostile_yaml_is_only_text(tmp_path: Path) -> None:
    path = _write(tmp_path, "scenario: !!python/object/apply:os.system ['true']\ncall: {number: 100}\ncaller: []\n")
    with pytest.raises(ScenarioError, match="scenario must be text"):
        load(path, Surroundings())


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    _write(tmp_path, "scenario: x\n", "a.yaml")
    _write(tmp_path, "scenario: [\n", "b.yaml")
    with pytest.raises(ScenarioError) as caught:
        load_all([tmp_path, tmp_path / "none.yaml"], Surroundings())
    assert "a.yaml:1" in caught.value.message
    assert "b.yaml:" in caught.value.message
    assert "none.yaml: cannot be read" in caught.value.message


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no scenario files"):
        find_files([tmp_path])


def test_a_folder_is_searched_through_its_folders(tmp_path: Path) -> None:
    text = "scenario: x\ncall: {number: 100}\ncaller: []\n"
    for folder in ("", "lines", "lines/bad", "people"):
        (tmp_path / folder).mkdir(exist_ok=True)
        _write(tmp_path / folder, text, f"{folder.replace('/', '_') or 'first'}.yaml")
    _write(tmp_path / "people", "ask: hello\n", "prompts.yaml")
    found = [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path])]
    assert found == ["first.yaml", "lines/lines.yaml", "people/people.yaml", "lines/bad/lines_bad.yaml"]
    assert find_files([tmp_path], flat=True) == [tmp_path / "first.yaml"]


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    text = "scenario: x\ncall: {number: 100}\ncaller: []\n"
    for folder in ("en", "de"):
        (tmp_path / folder).mkdir()
        _write(tmp_path / folder, text, "busy.yaml")
    _write(tmp_path, text, "alone.yaml")
    assert [s.slug for s in load_all([tmp_path], Surroundings())] == ["alone", "de-busy", "en-busy"]
    twice = load_all([tmp_path / "alone.yaml", tmp_path / "alone.yaml"], Surroundings())
    assert len({s.slug for s in twice}) == 2


def test_the_shipped_scenarios_are_sound() -> None:
    scenarios = load_all([SCENARIOS], Surroundings(load_personas(), load_numbers(EXAMPLE)))
    assert len([s for s in scenarios if s.path.parent != SCENARIOS]) >= 40
    assert len({s.path.stem for s in scenarios}) == len(scenarios), "a name, one scenario"
    voices = load_registry()
    for scenario in scenarios:
        assert scenario.expect.outcome.get("disposition"), scenario.path
        assert scenario.persona.voice in voices
    tour = [s.call.number for s in scenarios if s.path.parent == SCENARIOS and s.call.direction == "outbound"]
    assert len(set(tour)) == len(tour), "its calls run in parallel: one number, one scenario"


def test_phrases_of_personas_know_their_voices() -> None:
    assert {persona.voice for persona in load_personas().values()} <= set(load_registry())


def test_numbers_come_from_the_portfolio(tmp_path: Path) -> None:
    assert load_numbers(EXAMPLE)["A-1001"] == "15550101001"
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_numbers(tmp_path)
    (tmp_path / "customers.csv").write_text("id,telephone\n1,2\n")
    with pytest.raises(ScenarioError, match="no column number"):
        load_numbers(tmp_path)


def test_a_scenarios_own_seed_wins(tmp_path: Path) -> None:
    plain = load(_write(tmp_path, "scenario: x\ncall: {number: 100}\ncaller: []\n"), Surroundings())
    assert with_seed(plain, 5).call.seed == 5
    own = load(_write(tmp_path, "scenario: x\ncall: {number: 100, seed: 9}\ncaller: []\n"), Surroundings())
    assert with_seed(own, 5).call.seed == 9


def test_the_schema_knows_the_same_keys_as_the_loader() -> None:
    parts = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]) == set(source.TOP_KEYS)
    for name, keys in {
        "call": reading_call.CALL_KEYS,
        "network": reading_call.NETWORK_KEYS,
        "loss": reading_call.LOSS_KEYS,
        "one_way": reading_call.ONE_WAY_KEYS,
        "noise": reading_call.NOISE_KEYS,
        "echo": reading_call.ECHO_KEYS,
        "answers": reading_call.ANSWER_KEYS,
        "agent": reading_call.AGENT_KEYS,
        "step": reading_steps.STEP_KEYS,
        "voicemail": reading_steps.VOICEMAIL_KEYS,
        "screening": reading_steps.SCREENING_KEYS,
        "persona": source.PERSONA_KEYS,
        "expect": (*source.CHECKED_HERE, *source.OUTCOME_KEYS),
    }.items():
        assert set(parts[name]["properties"]) == set(keys), name
        assert parts[name]["additionalProperties"] is False


@pytest.mark.parametrize("path", find_files([SCENARIOS, CALLS]), ids=lambda path: path.stem)
def test_every_scenario_fits_the_schema(path: Path) -> None:
    assert problems(read_yaml(path.read_text(encoding="utf-8")), SCHEMA) == []


@pytest.mark.parametrize(
    "text",
    [
        "call: {number: 100}\ncaller: []",
        "scenario: x\ncaller: []",
        "scenario: x\ncall: {number: 100, codex: PCMA}\ncaller: []",
        "scenario: x\ncall: {number: 100, codec: G729}\ncaller: []",
        "scenario: x\ncall: {number: 100, network: {jitter_ms: 5000}}\ncaller: []",
        "scenario: x\ncall: {number: 100}\ncaller: [{hear: hello}]",
        "scenario: x\ncall: {number: 100}\ncaller: [{hears: hello, presses: 12x}]",
        "scenario: x\ncall: {number: 100}\nanswers: {with: 200}",
        "scenario: x\ncall: {number: 100}\ncaller: []\nagent: {answers: yes}",
        "scenario: x\ncall: {number: 100}\ncaller: []\nexpect: {dispositon: BUSY}",
        "scenario: x\ncall: {number: 100}\ncaller: {hears: hello}",
    ],
)
def test_what_the_schema_refuses_the_loader_refuses(tmp_path: Path, text: str) -> None:
    assert problems(read_yaml(text), SCHEMA)
    assert all(problem.startswith(":") for problem in _problems(tmp_path, text))


def test_a_folder_of_recordings_is_a_voice(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    from sip_sim.voices import VoiceBox

    t = np.arange(44100) / 44100
    soundfile.write(str(tmp_path / "yes-speaking.flac"), 0.3 * np.sin(2 * np.pi * 300 * t), 44100)
    box = VoiceBox(tmp_path / "cache")
    assert 7500 <= box.say(str(tmp_path), "Yes, speaking!").size <= 8500
    with pytest.raises(VoiceError, match="no recording"):
        box.say(str(tmp_path), "Something else")
    with pytest.raises(VoiceError, match="unknown voice"):
        box.say("nobody", "Hello")
