"""`what-if`: any formula on values given as key=value, with every key's meaning, default and kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from voicebot.errors import ScoringError
from voicebot.scoring import (
    collector_score,
    contact_anomaly,
    cooperation,
    early_warning,
    pre_loan,
    saturation,
)
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.config_cases import FEEDBACK
from voicebot.scoring.result import Result
from voicebot.scoring.what_if_cooperation import run_cooperation

Given = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Key:
    """One value a formula takes. `kind`: count | number | share | text; `required`: an error where it is missing."""

    name: str
    meaning: str
    kind: str = "count"
    required: bool = False
    default: str = "0"


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula: its keys, how each value comes about, and the function."""

    name: str
    about: str
    example: str
    keys: tuple[Key, ...]
    steps: Mapping[str, str]
    run: Callable[[Given, ScoringSettings], Result]


def _count(given: Given, name: str) -> int:
    return int(_number(given, name))


def _number(given: Given, name: str, default: float = 0.0) -> float:
    value = given.get(name, default)
    return default if isinstance(value, str) else value


def _known(given: Given, name: str) -> float | None:
    return _number(given, name) if name in given else None


def _contact(given: Given, settings: ScoringSettings) -> Result:
    counts = contact_anomaly.ContactCounts(
        n_call=_count(given, "n_call"),
        n_hang=_count(given, "n_hang"),
        feedback={name: _count(given, name) for name in FEEDBACK if name in given},
        n_other=_count(given, "n_other"),
        n_other_recent=_count(given, "n_other_recent"),
    )
    return contact_anomaly.contact_anomaly(counts, settings.contact, _known(given, "h0"))


def _saturation(given: Given, settings: ScoringSettings) -> Result:
    used = settings.saturation
    t_ref = _number(given, "t_ref", used.t_ref)
    if t_ref <= 0:
        raise ScoringError("saturation: t_ref must be more than 0", hint="minutes, e.g. t_ref=30")
    d_p, n_p, d_o, n_o = (_number(given, name) for name in ("D_p", "N_p", "D_o", "N_o"))
    activity = saturation.Activity(d_p, n_p, d_o, n_o, _known(given, "t_fb"))
    refs = saturation.References(
        _number(given, "D_p_ref", used.ref_d_p),
        _number(given, "N_p_ref", used.ref_n_p),
        _number(given, "D_o_ref", used.ref_d_o),
        _number(given, "N_o_ref", used.ref_n_o),
    )
    return saturation.saturation(activity, refs, used.model_copy(update={"t_ref": t_ref}))


def _collector(given: Given, settings: ScoringSettings) -> Result:
    counts = collector_score.CaseCounts(*(_count(given, name) for name in ("n_norm", "n_abn", "n_coop", "n_non")))
    return collector_score.collector_score(counts, _number(given, "S"), settings.collector)


def _level(given: Given, settings: ScoringSettings) -> Result:
    if not any(name in given for name in (*early_warning.DIMENSIONS, "rules")):
        raise ScoringError(
            "warning-level: no dimension is given", hint=f"give at least one of {', '.join(early_warning.DIMENSIONS)}"
        )
    points = {name: _number(given, name) for name in early_warning.DIMENSIONS if name in given}
    rules = tuple(rule.strip() for rule in str(given.get("rules", "")).split(",") if rule.strip())
    return early_warning.warning_level(points, settings.early_warning, rules)


def _pre_loan(given: Given, settings: ScoringSettings) -> Result:
    if ("x4" in given) == ("days" in given):
        raise ScoringError("pre-loan: give either x4 or days", hint="x4 = exp(-days/30), or days since the last call")
    if _number(given, "days") < 0:
        raise ScoringError("pre-loan: days is negative", hint="days since the last call with a collection number")
    x4 = pre_loan.recency(_number(given, "days"), settings.pre_loan) if "days" in given else _number(given, "x4")
    if settings.pre_loan.coefficients and not {"x3", "x5"} <= set(given):
        raise ScoringError("pre-loan: the coefficients are fitted: x3 and x5 are needed too", hint="x3=SHARE x5=COUNT")
    facts = pre_loan.PreLoanFacts(
        _number(given, "x1"), _number(given, "x2"), _number(given, "x3"), x4, _number(given, "x5")
    )
    return pre_loan.pre_loan(facts, settings.pre_loan)


_FEEDBACK_MEANING = {
    "invalid": "attempts: the number is invalid",
    "suspended": "attempts: the line is suspended or barred",
    "wrong_party": "attempts: somebody else's number",
    "rejected": "attempts: refused while ringing, or hung up within 10 s",
    "powered_off": "attempts: powered off or out of coverage",
    "third_party": "attempts: a third party answered",
    "no_answer": "attempts: nobody answered",
    "machine": "attempts: voicemail or call screening",
    "busy": "attempts: busy",
}

FORMULAS = (
    Formula(
        "contact-anomaly",
        "S21-S24: is a case that was not reached normal or abnormal?",
        "n_call=8 n_hang=6 rejected=6 powered_off=2 n_other=4 n_other_recent=3",
        (
            Key("n_call", "phone attempts in the window", required=True),
            Key("n_hang", "of them refused or hung up"),
            *(Key(name, meaning) for name, meaning in _FEEDBACK_MEANING.items()),
            Key("n_other", "email, instant messages and SMS in the window"),
            Key("n_other_recent", "of them in the last 7 days"),
            Key("h0", "the portfolio's share of hang-ups", "share", default="0.20"),
        ),
        contact_anomaly.STEPS,
        _contact,
    ),
    Formula(
        "cooperation",
        "S12: is a communication cooperative (c, p_neg, text), and is a case (r_T, n_coop, n_non)?",
        "c=0.7 p_neg=0.2",
        (
            Key("c", "cooperation degree", "share", default="not known"),
            Key("p_neg", "probability of a negative emotion", "share", default="not known"),
            Key("text", "what the debtor said: keywords are looked for (S12a)", "text", default="not known"),
            Key("language", "of the text", "text", default="en"),
            Key("signals", "what was said or done, by comma: promise_with_date,refusal,...", "text", default="none"),
            Key("r_T", "cooperative share of the recent communications", "share", default="none: stale"),
            Key("n_coop", "cooperative communications", default="not asked"),
            Key("n_non", "non-cooperative communications", default="not asked"),
            Key("r_last", "cooperative share of the last 3, where r_T is missing", "share", default="that of all"),
        ),
        cooperation.STEPS,
        run_cooperation,
    ),
    Formula(
        "saturation",
        "S13: how busy is a collector?",
        "D_p=240 N_p=90 D_o=30 N_o=40 t_fb=15",
        (
            Key("D_p", "minutes on the telephone", "number", required=True),
            Key("N_p", "calls", required=True),
            Key("D_o", "minutes with other methods", "number", required=True),
            Key("N_o", "contacts with other methods", required=True),
            Key("t_fb", "mean minutes until feedback", "number", required=True),
            Key("D_p_ref", "minutes on the telephone that are full", "number", default="300"),
            Key("N_p_ref", "calls that are full", "number", default="100"),
            Key("D_o_ref", "minutes with other methods that are full", "number", default="60"),
            Key("N_o_ref", "contacts with other methods that are full", "number", default="80"),
            Key("t_ref", "minutes until feedback at which activity is one half", "number", default="30"),
        ),
        saturation.STEPS,
        _saturation,
    ),
    Formula(
        "collector-score",
        "S14: a collector's score, and may they get a case?",
        "n_norm=20 n_abn=5 n_coop=30 n_non=10 S=71.5",
        (
            Key("n_norm", "normal cases (not reached)", required=True),
            Key("n_abn", "abnormal cases (not reached)", required=True),
            Key("n_coop", "cooperative cases", required=True),
            Key("n_non", "non-cooperative cases", required=True),
            Key("S", "saturation, 0-100", "number", required=True),
        ),
        collector_score.STEPS,
        _collector,
    ),
    Formula(
        "warning-level",
        "Q5: a customer's score and level",
        "contract=12 behavioural=8 willingness=16",
        (
            *(Key(name, f"points 0-20: {text}", "number") for name, text in early_warning.DIMENSIONS.items()),
            Key("rules", f"rules that hold, by comma: {', '.join(early_warning.RULES)}", "text", default="none"),
        ),
        early_warning.STEPS,
        _level,
    ),
    Formula(
        "pre-loan",
        "120: an applicant's risk from calls with collection numbers",
        "x1=2 x2=5 x4=0.5",
        (
            Key("x1", "distinct collection numbers", required=True),
            Key("x2", "calls with them", required=True),
            Key("x3", "share of them answered", "share", default="0 (used only when fitted)"),
            Key("x4", "recency, exp(-days/30)", "share", default="needed, or days"),
            Key("x5", "distinct collection companies", default="0 (used only when fitted)"),
            Key("days", "days since the last such call, instead of x4", "number", default="needed, or x4"),
        ),
        pre_loan.STEPS,
        _pre_loan,
    ),
)

#: Nothing that is counted or measured here is more.
MOST = 1e9
#: Other spellings of keys.
ALIASES = {f"ref_{name}": f"{name}_ref" for name in ("D_p", "N_p", "D_o", "N_o")}


def formula(name: str) -> Formula:
    """By name. Raises ScoringError naming all of them."""
    for found in FORMULAS:
        if found.name == name:
            return found
    raise ScoringError(f"there is no formula {name!r}", hint=f"one of {', '.join(f.name for f in FORMULAS)}")


def what_if(name: str, arguments: Iterable[str], settings: ScoringSettings) -> Result:
    """Run a formula on `key=value` arguments. Raises ScoringError naming everything that is wrong with them."""
    found = formula(name)
    return found.run(_parse(found, list(arguments)), settings)


def _parse(found: Formula, arguments: Sequence[str]) -> dict[str, float | str]:
    keys = {key.name: key for key in found.keys}
    given, faults = dict[str, float | str](), list[str]()
    for argument in arguments:
        raw, equals, text = argument.partition("=")
        name = ALIASES.get(raw.strip(), raw.strip())
        if not equals:
            faults.append(f"{argument!r} is not key=value")
        elif name not in keys:
            faults.append(f"unknown key {name!r}")
        elif name in given:
            faults.append(f"{name} is given twice")
        else:
            try:
                given[name] = _value(keys[name], text.strip())
            except ValueError as error:
                faults.append(f"{name} {error}")
    named = {ALIASES.get(key, key) for key in (argument.partition("=")[0].strip() for argument in arguments)}
    faults += [f"{name} is missing" for name, key in keys.items() if key.required and name not in named]
    if faults:
        raise ScoringError(f"{found.name}: " + "; ".join(faults), hint=_hint(found))
    return given


def _value(key: Key, text: str) -> float | str:
    if key.kind == "text":
        return text
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"is not a number: {text!r}") from None
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    if key.kind == "count" and number != int(number):
        raise ValueError(f"is a count, not {text}")
    if number < 0:
        raise ValueError("is negative")
    if number > MOST:
        raise ValueError(f"is more than {MOST:,.0f}")
    if key.kind == "share" and number > 1:
        raise ValueError("is a share: it must be in [0, 1]")
    return number


def _hint(found: Formula) -> str:
    lines = [
        f"    {key.name:<16} {key.meaning} ({'needed' if key.required else f'default {key.default}'})"
        for key in found.keys
    ]
    return f"the keys of {found.name} are\n" + "\n".join(lines) + f"\n  example: {found.name} {found.example}"
