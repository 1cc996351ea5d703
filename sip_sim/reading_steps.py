"""The steps of a scenario file. `voicemail` and `screening` are short for several steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

import yaml

from sip_sim.model import Step, Voicemail
from sip_sim.reading import Fields, Reader

STEP_KEYS: Final = (
    "hears", "not_hears", "any", "says", "plays", "presses", "voice",
    "silent_s", "after_s", "barge_in_ms", "hangs_up", "optional", "within_s",
    "backchannel", "stops_within_ms", "voicemail", "screening", "hold", "resume", "codec",
)  # fmt: skip
VOICEMAIL_KEYS: Final = ("greeting", "beep", "voice")
SCREENING_KEYS: Final = ("asks", "hears", "waits", "then", "voice")
#: What a caller hears of the assistant where the scenario gives no words of its own.
SCREENING_ASKS: Final = "Hi. If you record your name and reason for calling, I will see if this person is available."
SCREENING_WAITS: Final = "Thank you. Please stay on the line."
SCREENING_REFUSES: Final = "Sorry, this person is not available. Goodbye."
_NAME: Final = re.compile(r"\w+", re.ASCII)
_BACKCHANNEL_MS: Final = 1200.0
_MESSAGE_WITHIN_S: Final = 45.0

Prompts = Mapping[str, tuple[str, ...]]


def phrases(reader: Reader, got: Mapping[str, yaml.Node], key: str, prompts: Prompts) -> tuple[str, ...]:
    """Phrases as written, names of prompts.yaml replaced by what they stand for; a misspelt name is a problem."""
    if key not in got:
        return ()
    given = reader.texts(got[key], key)
    nodes = got[key].value if isinstance(got[key], yaml.SequenceNode) else [got[key]]
    for node, text in zip(nodes, given, strict=True):
        if text not in prompts:
            _mistaken_name(reader, node, key, text, prompts)
    return tuple(phrase for name in given for phrase in prompts.get(name, (name,)))


def _mistaken_name(reader: Reader, node: yaml.Node, key: str, text: str, prompts: Prompts) -> None:
    """Nobody says an underscore; and a bare word that is nearly a prompt's name is that name, misspelt."""
    if not _NAME.fullmatch(text):
        return
    close = get_close_matches(text, prompts, 1, 0.75)
    if "_" in text:
        known = (
            f"prompts.yaml has {', '.join(sorted(prompts))}" if prompts else "there is no prompts.yaml beside or above"
        )
        advice = f"did you mean {close[0]!r}?" if close else known
        reader.problem(node, f"{key}: no prompt is called {text!r}; {advice} (words to be heard: with spaces)")
    elif close and isinstance(node, yaml.ScalarNode) and node.style is None:
        advice = f'did you mean {close[0]!r}? (a word to be heard: in quotes, "{text}")'
        reader.problem(node, f"{key}: no prompt is called {text!r}; {advice}")


def texts(reader: Reader, got: Mapping[str, yaml.Node], key: str) -> tuple[str, ...]:
    """One text or a list; none where the key is not there."""
    return reader.texts(got[key], key) if key in got else ()


def read_steps(reader: Reader, node: yaml.Node, prompts: Prompts) -> tuple[Step, ...]:
    """`caller:`, in order."""
    groups = reader.items(node, "caller", lambda item: _steps(reader, item, prompts))
    return tuple(step for group in groups for step in group)


def _steps(reader: Reader, node: yaml.Node, prompts: Prompts) -> tuple[Step, ...]:
    got = reader.fields(node, STEP_KEYS, "step")
    step = _step(reader, node, got, prompts)
    if "voicemail" in got:
        return _voicemail(reader, got["voicemail"], step)
    if "screening" in got:
        return _screening(reader, got["screening"], step, prompts)
    return (step,)


def _step(reader: Reader, node: yaml.Node, got: Fields, prompts: Prompts) -> Step:
    plays = reader.path.parent / reader.text(got["plays"], "plays") if "plays" in got else None
    if plays is not None and not plays.is_file():
        reader.problem(got["plays"], "plays: there is no such file beside the scenario")
    presses = reader.text(got["presses"], "presses").replace(" ", "") if "presses" in got else ""
    if not re.fullmatch(r"[0-9*#A-Da-d]*", presses):
        reader.problem(got["presses"], "presses: keys are 0-9 * # A-D")
    _contradictions(reader, node, got)
    barge_in = reader.number(got["barge_in_ms"], "barge_in_ms", 0, 30000) if "barge_in_ms" in got else None
    if "backchannel" in got and barge_in is None:
        barge_in = _BACKCHANNEL_MS
    return Step(
        line=node.start_mark.line + 1,
        hears=phrases(reader, got, "hears", prompts),
        not_hears=phrases(reader, got, "not_hears", prompts),
        anything=reader.flag(got["any"], "any") if "any" in got else False,
        says=reader.text(got["says"], "says") if "says" in got else "",
        plays=plays,
        presses=presses,
        voice=reader.text(got["voice"], "voice") if "voice" in got else "",
        silent_s=reader.number(got["silent_s"], "silent_s", 0, 300) if "silent_s" in got else 0.0,
        after_s=reader.number(got["after_s"], "after_s", 0, 300) if "after_s" in got else 0.0,
        barge_in_ms=barge_in,
        hangs_up=reader.flag(got["hangs_up"], "hangs_up") if "hangs_up" in got else False,
        optional=reader.flag(got["optional"], "optional") if "optional" in got else False,
        within_s=reader.number(got["within_s"], "within_s", 1, 300) if "within_s" in got else None,
        backchannel=reader.text(got["backchannel"], "backchannel") if "backchannel" in got else "",
        stops_within_ms=_limit(reader, got),
        hold=reader.choice(got["hold"], "hold", ("sendonly", "inactive")) if "hold" in got else "",
        resume=reader.flag(got["resume"], "resume") if "resume" in got else False,
        codec=reader.choice(got["codec"], "codec", ("PCMA", "PCMU")) if "codec" in got else "",
    )


def _limit(reader: Reader, got: Fields) -> float | None:
    return reader.number(got["stops_within_ms"], "stops_within_ms", 1, 30000) if "stops_within_ms" in got else None


def _contradictions(reader: Reader, node: yaml.Node, got: Fields) -> None:
    sounds = [key for key in ("says", "plays", "backchannel", "voicemail", "screening") if key in got]
    if len(sounds) > 1:
        if set(sounds) == {"says", "plays"}:
            reader.problem(node, "step: either `says` or `plays`, not both")
        else:
            reader.problem(node, f"step: only one of {', '.join(f'`{key}`' for key in sounds)}")
    if "stops_within_ms" in got and "barge_in_ms" not in got:
        reader.problem(got["stops_within_ms"], "stops_within_ms needs `barge_in_ms`: when does the customer cut in?")
    if "hold" in got and "resume" in got:
        reader.problem(node, "step: `hold` and `resume` in steps of their own, with `silent_s` between")


def _voicemail(reader: Reader, node: yaml.Node, step: Step) -> tuple[Step, ...]:
    """The greeting and the beep; then, where words are given, what must (and must not) be left after it."""
    got = reader.fields(node, VOICEMAIL_KEYS, "voicemail")
    if "greeting" not in got and isinstance(node, yaml.MappingNode):
        reader.problem(node, "voicemail: `greeting` is missing")
    greeting = reader.text(got["greeting"], "greeting") if "greeting" in got else ""
    machine = Voicemail(greeting, reader.flag(got["beep"], "beep") if "beep" in got else True)
    voice = reader.text(got["voice"], "voice") if "voice" in got else step.voice
    plays = Step(step.line, voicemail=machine, voice=voice, after_s=step.after_s or 0.4)
    if not step.hears and not step.anything:
        return (replace(plays, not_hears=step.not_hears),)
    return (plays, replace(step, after_s=0.0, within_s=step.within_s or _MESSAGE_WITHIN_S))


def _screening(reader: Reader, node: yaml.Node, step: Step, prompts: Prompts) -> tuple[Step, ...]:
    """The assistant asks, hears who is calling, and connects (the steps that follow are the customer's) or refuses."""
    got = reader.fields(node, SCREENING_KEYS, "screening")
    voice = reader.text(got["voice"], "voice") if "voice" in got else "heart"
    asks = reader.text(got["asks"], "asks") if "asks" in got else SCREENING_ASKS
    then = reader.choice(got["then"], "then", ("connects", "hangs_up")) if "then" in got else "connects"
    waits = reader.text(got["waits"], "waits") if "waits" in got else SCREENING_WAITS
    words = phrases(reader, got, "hears", prompts)
    refuses = then == "hangs_up"
    answer = Step(step.line, hears=words, not_hears=step.not_hears, anything=not words, voice=voice)
    answer = replace(answer, says=SCREENING_REFUSES if refuses and "waits" not in got else waits, hangs_up=refuses)
    return (Step(step.line, says=asks, voice=voice, after_s=step.after_s or 0.4), answer)
