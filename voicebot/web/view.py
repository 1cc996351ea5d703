"""What the page of one attempt shows, made of its record: the conversation in the order of its sound, and the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from voicebot.model.outcome import Outcome
from voicebot.model.records import AttemptProgress, CheckRecord, Turn
from voicebot.model.voice import VoiceDecision
from voicebot.web.plain import plain
from voicebot.web.reading import CallRecord

#: Colours by meaning (static/style.css): good, bad, unsure, plain.
TONES: Mapping[str, str] = {
    **dict.fromkeys(("match", "passed", "RPC_VERIFIED", "PROMISE_TO_PAY", "INVITATION_ACCEPTED"), "good"),
    **dict.fromkeys(("mismatch", "VOICE_MISMATCH", "TECHNICAL_FAILURE", "FAILED", "WRONG_PARTY"), "bad"),
    **dict.fromkeys(("inconclusive", "unclear", "RPC_NOT_VERIFIED", "DISPUTE", "HARDSHIP", "HUNG_UP"), "unsure"),
}
_SILENT = {"NoInput": "(nothing was said)", "HungUp": "(hung up)", "NoMatch": "(not understood)"}
#: A prompt counts as interrupted where at least so much of it was not heard, seconds (two packets of sound).
_CUT_S = 0.04


def tone(value: str | None) -> str:
    """The colour's name of a state, result or disposition."""
    return TONES.get(value or "", "plain")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `side`: bot | caller | check; `t`: seconds from the answer; `badge`: state or result."""

    t: float
    side: str
    text: str
    label: str
    badge: str | None = None
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value, as words."""

    name: str
    value: str
    tone: str = "plain"


def timeline(turns: Iterable[Turn], checks: Iterable[CheckRecord]) -> tuple[Entry, ...]:
    """Prompts, replies and checks, by time. A prompt is marked with the voice's state where that is a new one."""
    entries: list[Entry] = []
    state: str | None = None
    for turn in turns:
        entries.append(_prompt(turn, turn.voice_state if turn.voice_state != state else None))
        state = turn.voice_state
        reply = _reply(turn)
        if reply is not None:
            entries.append(reply)
    entries += [
        Entry(check.t, "check", words(check.name), check.step, check.result, _pairs(check.detail)) for check in checks
    ]
    return tuple(sorted(entries, key=lambda entry: entry.t))


def _prompt(turn: Turn, new_state: str | None) -> Entry:
    notes = []
    if turn.heard_s is not None and turn.heard_s < turn.prompt_t1 - turn.prompt_t0 - _CUT_S:
        notes.append(f"interrupted after {turn.heard_s:.1f} s")
    label = turn.step if turn.step == turn.prompt else f"{turn.step}: {turn.prompt}"
    return Entry(turn.prompt_t0, "bot", turn.prompt_text, label, new_state, tuple(notes))


def _reply(turn: Turn) -> Entry | None:
    text = turn.reply_text or _SILENT.get(turn.event or "")
    if text is None:
        return None
    notes = []
    if turn.intent:
        notes.append(words(turn.intent))
    notes += [f"{words(kind)}: {value}" for kind, value in turn.slots.items()]
    if turn.reply_text and turn.event == "NoMatch":
        notes.append("not understood")
    if turn.barged_in:
        notes.append("spoke over the bot")
    if turn.reply_confidence is not None and turn.reply_text:
        notes.append(f"recognised {turn.reply_confidence:.0%}")
    if turn.reply_gap_s is not None:
        notes.append(f"the bot replied after {turn.reply_gap_s:.2f} s")
    t = turn.prompt_t1 if turn.reply_t0 is None else turn.reply_t0
    return Entry(t, "caller", text, "customer", None, tuple(notes))


def facts(call: CallRecord) -> tuple[Fact, ...]:
    """The outcome in words; a thing that is not known is left out, never shown as "no"."""
    pairs = [*_network(call.progress), *_business(call.outcome)]
    if call.voice is not None:
        pairs += _voice(call.voice)
    if call.summary.promise_amount is not None:
        currency = call.summary.promise_currency or ""
        pairs.append(("Promise", f"{call.summary.promise_amount} {currency} by {call.summary.promise_due_on}"))
    return tuple(Fact(name, text, tone(text)) for name, value in pairs if (text := _text(value)))


def _network(progress: AttemptProgress) -> list[tuple[str, object]]:
    sip = " ".join(str(part) for part in (progress.sip_status, progress.sip_reason) if part)
    return [
        ("SIP status", sip),
        ("Trunk", progress.trunk),
        ("Answered by", progress.answered_by),
        ("Talk time", None if progress.talk_s is None else f"{progress.talk_s:.1f} s"),
    ]


def _business(outcome: Outcome | None) -> list[tuple[str, object]]:
    if outcome is None:
        return [("Disposition", "still open")]
    return [
        ("Disposition", outcome.disposition),
        ("Right party", outcome.right_party),
        ("Appointment", outcome.appointment),
        ("Call back", outcome.callback_at),
        ("Refusal", outcome.refusal),
        ("Dispute", outcome.dispute),
        ("Hardship", outcome.hardship),
        ("Asked not to be called", outcome.opt_out),
        ("Handed to a person", outcome.transferred),
        ("Hung up by", outcome.hung_up_by),
        ("Last step", outcome.last_step),
        ("Error", outcome.error),
    ]


def _voice(decision: VoiceDecision) -> list[tuple[str, object]]:
    score = None if decision.score is None else f"{decision.score:.3f}"
    limits = f"accept {decision.accept_limit:.2f}, reject {decision.reject_limit:.2f}"
    return [
        ("Voice", decision.state),
        ("Reason", decision.reason and words(decision.reason.value)),
        ("Score", score),
        ("Evidence", None if decision.llr is None else f"{decision.llr:+.2f} ({limits})"),
        ("Net speech", f"{decision.net_speech_s:.1f} s"),
        ("Model", decision.model_id),
        ("Calibration", decision.calibration_id),
    ]


def words(name: str) -> str:
    """`date_of_birth` as `date of birth`."""
    return name.replace("_", " ")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return str(plain(value))


def _pairs(detail: Mapping[str, object]) -> tuple[str, ...]:
    shown = []
    for key, value in detail.items():
        text = f"{value:.3f}" if isinstance(value, float) else _text(value)
        if text:
            shown.append(f"{words(key)}: {text}")
    return tuple(shown)
