"""Call flows from YAML files: typed, with every problem of every file listed as file:line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from voicebot.flow.book import Branch, Challenge, Defaults, Flow, FlowBook, Plain, Step, VoicePolicy
from voicebot.flow.fields import Fields
from voicebot.flow.findings import Finding, Where, finding, raise_all
from voicebot.flow.names import resolve
from voicebot.flow.yaml_source import Table, read_yaml
from voicebot.model.outcome import Disposition, WarningCode

#: Files of the same folder that are not flows (understanding reads them).
NOT_FLOWS = ("intents", "words")
FLOW_KEYS = (
    "flow",
    "version",
    "about",
    "first",
    "results",
    "defaults",
    "everywhere",
    "on_voice_lost",
    "warning",
    "items",
    "voiceprint",
    "steps",
)
VOICE_KEYS = ("alpha", "beta", "challenge")
DEFAULT_KEYS = ("barge_in", "no_input_s", "tries", "give_up")
#: What decides the way out of a step: exactly one of these each.
KINDS = ("listen", "check", "call", "transfer", "end", "return", "goto")
STEP_KEYS = ("say", *KINDS, "next", "store", "set", "counts_as", *DEFAULT_KEYS)


def load_flows(folder: Path) -> FlowBook:
    """Every flow below `folder`. Raises FlowError that lists every problem with its file and line."""
    book, findings = read_flows(folder)
    raise_all(findings)
    return book


def read_flows(folder: Path) -> tuple[FlowBook, tuple[Finding, ...]]:
    """Every flow below `folder` that can be read, and what is wrong. For `voicebot check`, which goes on after it."""
    problems: list[Finding] = []
    flows: dict[str, Flow] = {}
    digest = hashlib.sha256()
    paths = sorted(p for p in folder.rglob("*.yaml") if p.name.split(".")[0] not in NOT_FLOWS)
    if not paths:
        problems.append(finding(Where(str(folder), 1), "no call flow (*.yaml) is here"))
    for path in paths:
        label = _label(path, folder)
        table, found = read_yaml(path, label)
        problems += found
        if table is None:
            continue
        digest.update(path.read_bytes())
        flow = _flow(table, path.stem, problems)
        if flow.name in flows:
            problems.append(finding(flow.where, f"the flow `{flow.name}` is already in {flows[flow.name].where.file}"))
        else:
            flows[flow.name] = flow
    book = FlowBook(flows, digest.hexdigest()[:12])
    problems += resolve(book)
    return book, tuple(sorted(set(problems)))


def _label(path: Path, folder: Path) -> str:
    """How messages name a file: as people see it from the project's folder."""
    return str(Path(folder.name) / path.relative_to(folder))


def _flow(table: Table, stem: str, problems: list[Finding]) -> Flow:
    fields = Fields(table, FLOW_KEYS, problems, "a flow")
    name = fields.name("flow")
    if name != stem:
        fields.problem(fields.at("flow"), f"`flow:` must be the file's name: `{stem}`")
    for key in ("version", "first", "steps"):
        if not fields.has(key):
            fields.problem(table.where, f"`{key}` is missing")
    steps = _steps(fields, problems)
    return Flow(
        name=stem,
        version=fields.text("version"),
        where=table.where,
        first=fields.name("first"),
        steps=steps,
        defaults=_defaults(fields, problems),
        results=fields.names("results"),
        everywhere=_branches(fields, "everywhere"),
        on_voice_lost=fields.name("on_voice_lost"),
        warning=fields.choice("warning", WarningCode),
        items=fields.names("items"),
        voiceprint=_voice_policy(fields, problems),
    )


def _voice_policy(flow: Fields, problems: list[Finding]) -> VoicePolicy:
    table = flow.child("voiceprint")
    if table is None:
        return VoicePolicy()
    fields = Fields(table, VOICE_KEYS, problems, "voiceprint")
    least, most = 0.0001, 0.1
    return VoicePolicy(
        alpha=fields.number("alpha", least, most),
        beta=fields.number("beta", least, most),
        challenge=fields.choice("challenge", Challenge),
    )


def _defaults(flow: Fields, problems: list[Finding]) -> Defaults:
    table = flow.child("defaults")
    if table is None:
        return Defaults()
    fields = Fields(table, DEFAULT_KEYS, problems, "defaults")
    usual = Defaults()
    barge_in, no_input_s, tries = fields.flag("barge_in"), _no_input_s(fields), _tries(fields)
    return Defaults(
        barge_in=usual.barge_in if barge_in is None else barge_in,
        no_input_s=no_input_s or usual.no_input_s,
        tries=tries or usual.tries,
        give_up=fields.name("give_up"),
    )


def _no_input_s(fields: Fields) -> float | None:
    return fields.number("no_input_s", 1, 60)


def _tries(fields: Fields) -> int | None:
    value = fields.number("tries", 1, 9)
    return None if value is None else int(value)


def _branches(fields: Fields, key: str) -> Mapping[str, Branch]:
    return {name: Branch(text, where) for name, (text, where) in fields.map(key).items()}


def _steps(flow: Fields, problems: list[Finding]) -> dict[str, Step]:
    table = flow.child("steps")
    steps: dict[str, Step] = {}
    for name, value in (table.values if table else {}).items():
        where = table.keys[name] if table else flow.table.where
        if not isinstance(value, Table):
            flow.problem(where, f"the step `{name}` must be a table, such as {{say: hello, goto: next_step}}")
            continue
        steps[name] = _step(name, where, Fields(value, STEP_KEYS, problems, f"the step `{name}`"))
    if table is not None and not steps:
        flow.problem(table.where, "`steps` is empty")
    return steps


def _step(name: str, where: Where, fields: Fields) -> Step:
    kinds = [kind for kind in KINDS if fields.has(kind)]
    if not kinds:
        fields.problem(where, f"the step `{name}` has no way out: give it one of {', '.join(KINDS)}")
    elif len(kinds) > 1:
        fields.problem(where, f"the step `{name}` has {len(kinds)} ways out ({', '.join(kinds)}): only one is allowed")
    branching = [k for k in kinds if k in ("listen", "check", "call", "transfer")]
    if fields.has("next") and not branching:
        fields.problem(fields.at("next"), "`next` needs listen, check, call or transfer; use `goto` to go straight on")
    end = fields.choice("end", Disposition)
    if fields.has("end") and end is None and not fields.text("end"):
        fields.problem(
            where, f"the step `{name}` ends the call without a disposition: `end: RPC_VERIFIED`, for example"
        )
    if fields.has("store") and not (fields.has("listen") or fields.has("check")):
        fields.problem(fields.at("store"), "`store` needs `listen` (or `check`, in a step that `everywhere` leads to)")
    return Step(
        name=name,
        where=where,
        say=fields.names("say"),
        listen=fields.names("listen", kinds=True),
        next=_branches(fields, "next"),
        store={slot: fact for slot, (fact, _) in fields.map("store").items()},
        check=fields.names("check"),
        call=fields.name("call"),
        transfer=fields.name("transfer"),
        end=end,
        returns=fields.name("return"),
        goto=fields.name("goto"),
        set={fact: _plain(text) for fact, (text, _) in fields.map("set").items()},
        counts_as=fields.choice("counts_as", Disposition),
        barge_in=fields.flag("barge_in"),
        no_input_s=_no_input_s(fields),
        tries=_tries(fields),
        give_up=fields.name("give_up"),
    )


def _plain(text: str) -> Plain:
    """`true`, `false` and `none` are what they say; everything else is text."""
    known: dict[str, Plain] = {"true": True, "false": False, "none": None}
    return known.get(text.lower(), text)
