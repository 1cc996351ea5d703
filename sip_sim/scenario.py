"""Scenario files -> `Scenario`. Every problem is reported with file:line, all of them at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import yaml

from sip_sim.errors import ScenarioError
from sip_sim.model import Answers, CallSpec, Expect, Persona, Scenario, Step
from sip_sim.network import NetworkSpec
from sip_sim.reading import Reader, load_node

SCENARIOS: Final = Path(__file__).with_name("scenarios")
PERSONAS: Final = Path(__file__).with_name("personas.yaml")
PROMPTS: Final = "prompts.yaml"  # beside the scenarios: what each prompt of the bot sounds like

TOP_KEYS: Final = ("scenario", "persona", "call", "answers", "caller", "not_hears", "expect")
PERSONA_KEYS: Final = ("name", "voice", "reaction_ms", "patience_s")
CALL_KEYS: Final = ("flow", "account", "number", "direction", "codec", "network", "seed", "max_s")
NETWORK_KEYS: Final = ("loss", "jitter_ms")
ANSWER_KEYS: Final = ("after_s", "with", "no_answer")
STEP_KEYS: Final = (
    "hears", "not_hears", "any", "says", "plays", "presses", "voice",
    "silent_s", "after_s", "barge_in_ms", "hangs_up", "optional", "within_s",
)  # fmt: skip
CHECKED_HERE: Final = ("reply_within_ms", "sip")
OUTCOME_KEYS: Final = (
    "disposition", "voiceprint", "answered_by", "sip_status", "warning", "promise_amount", "promise_date",
    "appointment", "enrolled", "items",
)  # fmt: skip


Prompts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What scenario files refer to: personas, prompts' sounds, customers' numbers by account."""

    personas: Mapping[str, Persona] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Scenario files: those named, and every *.yaml of the folders named, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.glob("*.yaml") if file.name != PROMPTS)
        else:
            found.append(path)
    if not found:
        raise ScenarioError("no scenario files there", hint="name *.yaml files, or a folder that holds some")
    return found


def load_all(paths: Iterable[Path], around: Surroundings) -> list[Scenario]:
    """Load every file; one ScenarioError that lists the problems of all of them."""
    scenarios: list[Scenario] = []
    problems: list[str] = []
    for path in find_files(paths):
        try:
            scenarios.append(load(path, around))
        except ScenarioError as error:
            problems.append(error.message)
    if problems:
        raise ScenarioError(
            "\n".join(problems), hint="mend the lines named above; docs/testers-guide.md lists the keys"
        )
    return scenarios


def load(path: Path, around: Surroundings) -> Scenario:
    """One scenario file."""
    root = load_node(path, "scenario file")
    reader = Reader(path)
    top = reader.fields(root, TOP_KEYS, "scenario")
    for key in ("scenario", "call"):
        if key not in top and isinstance(root, yaml.MappingNode):
            reader.problem(root, f"{key!r} is missing")
    prompts = _load_prompts(path.with_name(PROMPTS))
    persona = _persona(reader, top["persona"], around.personas) if "persona" in top else Persona()
    scenario = Scenario(
        path=path,
        name=reader.text(top["scenario"], "scenario") if "scenario" in top else path.stem,
        persona=persona,
        call=_call(reader, top["call"], around.numbers) if "call" in top else CallSpec(),
        answers=_answers(reader, top["answers"]) if "answers" in top else Answers(),
        caller=reader.items(top["caller"], "caller", lambda n: _step(reader, n, prompts)) if "caller" in top else (),
        not_hears=_phrases(reader, top, "not_hears", prompts),
        expect=_expect(reader, top["expect"]) if "expect" in top else Expect(),
    )
    answered = scenario.answers.status == 200 and not scenario.answers.never
    if answered and "caller" not in top and isinstance(root, yaml.MappingNode):
        reader.problem(root, "'caller' is missing: what does the customer do?")
    reader.finish()
    return scenario


def _load_prompts(path: Path) -> dict[str, tuple[str, ...]]:
    if not path.is_file():
        return {}
    reader = Reader(path)
    node = load_node(path, "prompts file")
    names = [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    prompts = {key: reader.texts(value, key) for key, value in reader.fields(node, names, "prompts").items()}
    reader.finish()
    return prompts


def _persona(reader: Reader, node: yaml.Node, known: Mapping[str, Persona]) -> Persona:
    if isinstance(node, yaml.ScalarNode):
        name = reader.choice(node, "persona", known.keys())
        return known.get(name, Persona())
    return persona_of(reader, node)


def persona_of(reader: Reader, node: yaml.Node) -> Persona:
    """A persona's mapping."""
    got = reader.fields(node, PERSONA_KEYS, "persona")
    base = Persona()
    return Persona(
        name=reader.text(got["name"], "name") if "name" in got else base.name,
        voice=reader.text(got["voice"], "voice") if "voice" in got else base.voice,
        reaction_ms=reader.number(got["reaction_ms"], "reaction_ms", 0, 10000)
        if "reaction_ms" in got
        else base.reaction_ms,
        patience_s=reader.number(got["patience_s"], "patience_s", 1, 300) if "patience_s" in got else base.patience_s,
    )


def load_personas(path: Path = PERSONAS) -> dict[str, Persona]:
    """personas.yaml: name -> persona."""
    node = load_node(path, "personas file")
    reader = Reader(path)
    names = [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    personas = {key: persona_of(reader, value) for key, value in reader.fields(node, names, "personas").items()}
    reader.finish()
    return personas


def _call(reader: Reader, node: yaml.Node, numbers: Mapping[str, str]) -> CallSpec:
    got = reader.fields(node, CALL_KEYS, "call")
    account = reader.text(got["account"], "account") if "account" in got else ""
    number = _number(reader, got["number"]) if "number" in got else numbers.get(account, "")
    direction = (
        reader.choice(got["direction"], "direction", ("outbound", "inbound")) if "direction" in got else "outbound"
    )
    if not number and isinstance(node, yaml.MappingNode):
        reason = f"account {account!r} is not in the portfolio" if account and numbers else "no number"
        reader.problem(node, f"call: {reason}: give `number`, or `account` together with --portfolio FOLDER")
    return CallSpec(
        flow=reader.text(got["flow"], "flow") if "flow" in got else "",
        account=account,
        number=number,
        direction=direction,
        codec=reader.choice(got["codec"], "codec", ("PCMA", "PCMU")) if "codec" in got else "PCMA",
        network=_network(reader, got["network"]) if "network" in got else NetworkSpec(),
        seed=int(reader.number(got["seed"], "seed", 0, 2**31)) if "seed" in got else None,
        max_s=reader.number(got["max_s"], "max_s", 1, 3600) if "max_s" in got else CallSpec().max_s,
    )


def _number(reader: Reader, node: yaml.Node) -> str:
    raw = reader.text(node, "number")
    if raw and not re.fullmatch(r"\+?[0-9]{3,15}", raw):
        reader.problem(node, "number must be 3 to 15 digits, with or without a leading +")
    return raw.lstrip("+")


def _network(reader: Reader, node: yaml.Node) -> NetworkSpec:
    got = reader.fields(node, NETWORK_KEYS, "network")
    return NetworkSpec(
        loss=reader.share(got["loss"], "loss") if "loss" in got else 0.0,
        jitter_ms=reader.number(got["jitter_ms"], "jitter_ms", 0, 1000) if "jitter_ms" in got else 0.0,
    )


def _answers(reader: Reader, node: yaml.Node) -> Answers:
    got = reader.fields(node, ANSWER_KEYS, "answers")
    status = int(reader.number(got["with"], "with", 300, 699)) if "with" in got else 200
    never = reader.flag(got["no_answer"], "no_answer") if "no_answer" in got else False
    if never and "with" in got:
        reader.problem(got["with"], "answers: either `with` or `no_answer`, not both")
    after = reader.number(got["after_s"], "after_s", 0, 120) if "after_s" in got else Answers().after_s
    return Answers(after, status, never)


def _step(reader: Reader, node: yaml.Node, prompts: Prompts) -> Step:
    got = reader.fields(node, STEP_KEYS, "step")
    plays = reader.path.parent / reader.text(got["plays"], "plays") if "plays" in got else None
    if plays is not None and not plays.is_file():
        reader.problem(got["plays"], "plays: there is no such file beside the scenario")
    presses = reader.text(got["presses"], "presses").replace(" ", "") if "presses" in got else ""
    if not re.fullmatch(r"[0-9*#A-Da-d]*", presses):
        reader.problem(got["presses"], "presses: keys are 0-9 * # A-D")
    if "says" in got and "plays" in got:
        reader.problem(node, "step: either `says` or `plays`, not both")
    return Step(
        line=node.start_mark.line + 1,
        hears=_phrases(reader, got, "hears", prompts),
        not_hears=_phrases(reader, got, "not_hears", prompts),
        anything=reader.flag(got["any"], "any") if "any" in got else False,
        says=reader.text(got["says"], "says") if "says" in got else "",
        plays=plays,
        presses=presses,
        voice=reader.text(got["voice"], "voice") if "voice" in got else "",
        silent_s=reader.number(got["silent_s"], "silent_s", 0, 300) if "silent_s" in got else 0.0,
        after_s=reader.number(got["after_s"], "after_s", 0, 300) if "after_s" in got else 0.0,
        barge_in_ms=reader.number(got["barge_in_ms"], "barge_in_ms", 0, 30000) if "barge_in_ms" in got else None,
        hangs_up=reader.flag(got["hangs_up"], "hangs_up") if "hangs_up" in got else False,
        optional=reader.flag(got["optional"], "optional") if "optional" in got else False,
        within_s=reader.number(got["within_s"], "within_s", 1, 300) if "within_s" in got else None,
    )


def _phrases(reader: Reader, got: Mapping[str, yaml.Node], key: str, prompts: Prompts) -> tuple[str, ...]:
    """Phrases as written, names of prompts.yaml replaced by what they stand for."""
    return tuple(phrase for name in _texts(reader, got, key) for phrase in prompts.get(name, (name,)))


def _texts(reader: Reader, got: Mapping[str, yaml.Node], key: str) -> tuple[str, ...]:
    return reader.texts(got[key], key) if key in got else ()


def _expect(reader: Reader, node: yaml.Node) -> Expect:
    got = reader.fields(node, (*CHECKED_HERE, *OUTCOME_KEYS), "expect")
    limit = reader.number(got["reply_within_ms"], "reply_within_ms", 1, 60000) if "reply_within_ms" in got else None
    outcome = {key: reader.text(value, key) for key, value in got.items() if key in OUTCOME_KEYS}
    return Expect(limit, _texts(reader, got, "sip"), outcome)


def load_numbers(portfolio: Path) -> dict[str, str]:
    """account -> telephone number, from the bank's portfolio: a folder with customers.csv and loans.csv."""
    customers = _rows(portfolio / "customers.csv", ("id", "number"))
    loans = _rows(portfolio / "loans.csv", ("account_id", "customer_id"))
    numbers = {row["id"]: re.sub(r"\D", "", row["number"]) for row in customers}
    return {row["account_id"]: numbers[row["customer_id"]] for row in loans if row["customer_id"] in numbers}


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    hint = "--portfolio takes the folder that `voicebot` imports, for example examples/portfolio"
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in csv.DictReader(source)]
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})", hint=hint) from None
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing:
        raise ScenarioError(f"{path}:1: no column {', '.join(missing)}", hint=hint)
    return rows


def with_seed(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with its seed fixed (its own, else the one given)."""
    own = scenario.call.seed
    return replace(scenario, call=replace(scenario.call, seed=seed if own is None else own))
