"""Scenario files -> `Scenario`. Every problem is reported with file:line, all of them at once."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import yaml

from sip_sim.errors import ScenarioError
from sip_sim.model import Answers, CallSpec, Expect, Persona, Scenario
from sip_sim.reading import Reader, load_node
from sip_sim.reading_call import read_agent, read_answers, read_call
from sip_sim.reading_steps import phrases, read_steps, texts

SCENARIOS: Final = Path(__file__).with_name("scenarios")
PERSONAS: Final = Path(__file__).with_name("personas.yaml")
PROMPTS: Final = "prompts.yaml"  # beside the scenarios or a folder above: what each prompt of the bot sounds like

TOP_KEYS: Final = ("scenario", "persona", "call", "answers", "agent", "caller", "not_hears", "expect")
PERSONA_KEYS: Final = ("name", "voice", "reaction_ms", "patience_s")
CHECKED_HERE: Final = ("reply_within_ms", "sip", "agent")
OUTCOME_KEYS: Final = (
    "disposition", "voiceprint", "answered_by", "sip_status", "warning", "promise_amount", "promise_date",
    "appointment", "enrolled", "items", "task", "rating", "no_call",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What scenario files refer to: personas, prompts' sounds, customers' numbers by account."""

    personas: Mapping[str, Persona] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


def find_files(paths: Iterable[Path], *, flat: bool = False) -> list[Path]:
    """Scenario files: those named, and every *.yaml of the folders named and (but for `flat`) of the folders in them;
    a folder's own files first, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = path.glob("*.yaml") if flat else path.rglob("*.yaml")
            found += sorted((f for f in inside if f.name != PROMPTS), key=lambda f: (len(f.parts), f))
        else:
            found.append(path)
    if not found:
        raise ScenarioError("no scenario files there", hint="name *.yaml files, or a folder that holds some")
    return found


def load_all(paths: Iterable[Path], around: Surroundings, *, flat: bool = False) -> list[Scenario]:
    """Load every file; one ScenarioError that lists the problems of all of them. Names (slugs) differ."""
    scenarios: list[Scenario] = []
    problems: list[str] = []
    for path in find_files(paths, flat=flat):
        try:
            scenarios.append(load(path, around))
        except ScenarioError as error:
            problems.append(error.message)
    if problems:
        raise ScenarioError(
            "\n".join(problems), hint="mend the lines named above; docs/testers-guide.md lists the keys"
        )
    return _with_own_names(scenarios)


def _with_own_names(scenarios: list[Scenario]) -> list[Scenario]:
    """Files of one name in several folders get their folder's name before it."""
    often = Counter(scenario.slug for scenario in scenarios)
    own = [replace(s, label=f"{s.path.resolve().parent.name}-{s.slug}") if often[s.slug] > 1 else s for s in scenarios]
    taken: Counter[str] = Counter()
    for index, scenario in enumerate(own):
        taken[scenario.slug] += 1
        if taken[scenario.slug] > 1:
            own[index] = replace(scenario, label=f"{scenario.slug}-{taken[scenario.slug]}")
    return own


def load(path: Path, around: Surroundings) -> Scenario:
    """One scenario file."""
    root = load_node(path, "scenario file")
    reader = Reader(path)
    top = reader.fields(root, TOP_KEYS, "scenario")
    for key in ("scenario", "call"):
        if key not in top and isinstance(root, yaml.MappingNode):
            reader.problem(root, f"{key!r} is missing")
    prompts = _load_prompts(path.parent.parent / PROMPTS) | _load_prompts(path.with_name(PROMPTS))
    persona = _persona(reader, top["persona"], around.personas) if "persona" in top else Persona()
    scenario = Scenario(
        path=path,
        name=reader.text(top["scenario"], "scenario") if "scenario" in top else path.stem,
        persona=persona,
        call=read_call(reader, top["call"], around.numbers) if "call" in top else CallSpec(),
        answers=read_answers(reader, top["answers"]) if "answers" in top else Answers(),
        agent=read_agent(reader, top["agent"], prompts) if "agent" in top else None,
        caller=read_steps(reader, top["caller"], prompts) if "caller" in top else (),
        not_hears=phrases(reader, top, "not_hears", prompts),
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


def _expect(reader: Reader, node: yaml.Node) -> Expect:
    got = reader.fields(node, (*CHECKED_HERE, *OUTCOME_KEYS), "expect")
    limit = reader.number(got["reply_within_ms"], "reply_within_ms", 1, 60000) if "reply_within_ms" in got else None
    outcome = {key: reader.text(value, key) for key, value in got.items() if key in OUTCOME_KEYS}
    agent = reader.choice(got["agent"], "agent", ("reached", "not_reached")) if "agent" in got else ""
    return Expect(limit, texts(reader, got, "sip"), outcome, agent)


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
