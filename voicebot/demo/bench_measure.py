"""One call of the benchmark, measured: the caller's recording and packets, and beside them what the bot wrote down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.records import CallRecord
from voicebot.demo.bench_figures import CallSound, Heard, SaidLine, Spoken, take_apart
from voicebot.demo.bench_packets import packet_figures, read_packets
from voicebot.demo.bench_run import CallFigures
from voicebot.demo.bench_sound import Samples, Span, read_stereo
from voicebot.demo.bench_words import CLOCKS_S, Prompt, Taken, clipped, distance, lead_s, normal, taken_for, went_on
from voicebot.demo.simulator import Event
from voicebot.model.outcome import AnsweredBy, Disposition
from voicebot.model.records import Turn

_MACHINES = frozenset({AnsweredBy.VOICEMAIL, AnsweredBy.IVR, AnsweredBy.SCREENING})


@dataclass(frozen=True, slots=True)
class Instruments:
    """`sound_of`: a prompt's words to its sound as rendered; `recognise`: sound to words. Both blocking."""

    sound_of: Callable[[str], Samples]
    recognise: Callable[[Samples], str]


def measure_call(
    event: Event | None, script: Mapping[str, Spoken], record: CallRecord | None, tools: Instruments
) -> CallFigures:
    """`event`: the simulator's result; `record`: the bot's, None where it has none."""
    disposition = record.summary.disposition if record is not None else None
    failed = disposition is not Disposition.RPC_VERIFIED
    if event is None or not event.get("wav") or not event.get("timing"):
        return CallFigures(0.0, failed=True)
    wav = Path(str(event["wav"]))
    caller, bot = read_stereo(wav)
    lines = [SaidLine(one["t0"], one["t1"], one["text"]) for one in event["lines"] if one["who"] == "caller"]
    sound = take_apart(caller, bot, lines, script)
    turns = record.turns if record is not None else ()
    prompts = [_prompt(turn, tools) for turn in turns if turn.prompt_text]
    said, wrong, cut = _answers(sound, turns)
    packets = packet_figures(read_packets(wav.with_suffix(".packets.csv")))
    return CallFigures(
        length_s=sound.length_s,
        failed=failed,
        machine=record is not None and record.summary.answered_by in _MACHINES,
        first_audio_s=sound.first_audio_s,
        gaps=tuple((one.answer.kind, one.gap_s) for one in sound.answers if one.gap_s is not None),
        stops_s=tuple(one.stop_s for one in sound.answers if one.stop_s is not None),
        stopped=_stopped(sound.probes, prompts, bot),
        cut=cut,
        clipped=sum(clipped(one, bot, tools.recognise) for one in prompts if one.whole) if prompts else None,
        words_said=said,
        words_wrong=wrong,
        parts=_parts(sound, turns, tools),
        jitter_ms=packets.jitter_ms,
        between_ms=packets.between_ms,
        packets=packets.received,
        lost=packets.lost,
    )


def _prompt(turn: Turn, tools: Instruments) -> Prompt:
    sound = tools.sound_of(turn.prompt_text)
    return Prompt(turn.prompt_text, turn.prompt_t0, turn.prompt_t1, turn.heard_s is None, sound)


def _answers(sound: CallSound, turns: Sequence[Turn]) -> tuple[int, int, tuple[bool, ...]]:
    """(words said, words wrong, of each answer whether it was cut off)."""
    record = [
        Taken(turn.reply_t0, turn.reply_t1, turn.reply_text or "")
        for turn in turns
        if turn.reply_t0 is not None and turn.reply_t1 is not None
    ]
    said = wrong = 0
    cut = []
    for one in sound.answers:
        meant, got = normal(one.answer.text), normal(taken_for((one.answer.t0, one.answer.t1), record))
        said += len(meant)
        wrong += distance(meant, got)
        cut.append(one.talked_over or 2 * len(got) < len(meant))
    return said, wrong, tuple(cut)


def _stopped(probes: Sequence[Span], prompts: Sequence[Prompt], bot: Samples) -> tuple[bool, ...]:
    """Of each probe that fell into a prompt early enough to end it: did it?"""
    found = []
    for probe in probes:
        near = [one for one in prompts if one.t0 - CLOCKS_S < probe[0] < one.t1 + CLOCKS_S]
        results = [went_on(one, bot, probe) for one in near]
        told = [result for result in results if result is not None]
        if told:
            found.append(not any(told))
    return tuple(found)


def _parts(sound: CallSound, turns: Sequence[Turn], tools: Instruments) -> tuple[tuple[float, float, float], ...]:
    found = []
    for one in sound.answers:
        turn = _reply_of(one, turns)
        if turn is None or turn.reply_gap_s is None or one.gap_s is None:
            continue
        lead = lead_s(tools.sound_of(turn.prompt_text))
        found.append((turn.reply_gap_s, lead, one.gap_s - turn.reply_gap_s - lead))
    return tuple(found)


def _reply_of(heard: Heard, turns: Sequence[Turn]) -> Turn | None:
    """The turn with which the bot replied, by the time of its first sound."""
    at = heard.reply_at
    if at is None:
        return None
    near = [turn for turn in turns if turn.prompt_text and abs(turn.prompt_t0 - at) < CLOCKS_S]
    return min(near, key=lambda turn: abs(turn.prompt_t0 - at), default=None)
