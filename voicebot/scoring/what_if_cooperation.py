"""`what-if cooperation`: one communication, one case, or both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from voicebot.errors import ScoringError
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.cooperation import Communication, case_class, communication
from voicebot.scoring.lexicon import SHIPPED, keywords, languages, load_lexicon
from voicebot.scoring.result import Result

_ONE = ("c", "p_neg", "text", "signals")
_CASE = ("n_coop", "n_non", "r_T", "r_last")


def run_cooperation(given: Mapping[str, float | str], settings: ScoringSettings) -> Result:
    """K and label of a communication, R, class and stale of a case: of what is given. Raises ScoringError."""
    one, case = any(name in given for name in _ONE), any(name in given for name in _CASE)
    if not one and not case:
        raise ScoringError(
            "cooperation: nothing is given", hint="c, p_neg, text or signals for K; n_coop, n_non and r_T for R"
        )
    if case and not {"n_coop", "n_non"} <= set(given):
        raise ScoringError("cooperation: n_coop and n_non are both needed for R", hint="e.g. n_coop=3 n_non=1 r_T=0.5")
    results = [_communication(given, settings)] if one else []
    if case:
        results.append(
            case_class(
                int(_number(given, "n_coop") or 0),
                int(_number(given, "n_non") or 0),
                _number(given, "r_T"),
                settings.cooperation,
                _number(given, "r_last"),
            )
        )
    first, last = results[0], results[-1]
    if first is last:
        return first
    inputs, values = {**first.inputs, **last.inputs}, {**first.values, **last.values}
    return Result(first.formula, first.version, inputs, values, (*first.reasons, *last.reasons))


def _communication(given: Mapping[str, float | str], settings: ScoringSettings) -> Result:
    signals = frozenset(name.strip() for name in str(given.get("signals", "")).split(",") if name.strip())
    found = _keywords(given, settings) if "text" in given else None
    asked = Communication(keywords=found, signals=signals, p_neg=_number(given, "p_neg"), c=_number(given, "c"))
    return communication(asked, settings.cooperation)


def _keywords(given: Mapping[str, float | str], settings: ScoringSettings) -> tuple[str, ...]:
    folder = Path(settings.cooperation.lexicons) if settings.cooperation.lexicons else SHIPPED
    language = str(given.get("language", "en"))
    if language not in languages(folder):
        raise ScoringError(
            f"cooperation: there is no lexicon of the language {language!r}",
            hint=f"one of {', '.join(languages(folder))}",
        )
    lexicon = load_lexicon(language, folder)
    hits = keywords([str(given["text"])], lexicon, settings.cooperation.negation_window)
    return tuple(f"{group}: {phrase}" for group, phrase in hits)


def _number(given: Mapping[str, float | str], name: str) -> float | None:
    value = given.get(name)
    return value if isinstance(value, float) else None
