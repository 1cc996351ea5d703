"""What one caller experienced, from that caller's own recording: gaps, interruptions, answers cut off. Pure.

What the caller said, when and why is known (the script); what the bot did is heard in the recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicebot.demo.bench_sound import Samples, Span, loud_within, spans

#: Kinds of question. "other" (counting aloud) is neither.
CLOSED = ("yes/no", "date", "digits")
OPEN = "open"
#: A gap longer than this is a question that was asked again, not a reply.
LONGEST_GAP_S = 8.0
#: Two parts of one answer lie nearer together than this.
LONGEST_PAUSE_S = 3.0
#: Within this time after the caller began, sound of the bot is not a reply to it.
TOO_SOON_S = 0.3
#: Sound that begins so close before the end of the answer is a reply, not an interruption (frames are 20 ms).
SLACK_S = 0.06
#: A pause of the bot that is shorter belongs to its speech.
BREATH_S = 0.5


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence of the script. `kind`: of the question it answers ("yes/no", "date", "digits", "open"), "" for a
    sound that is no answer (a probe: "mm-hm", a cough, a door); `goes_on`: the next sentence belongs to this answer."""

    text: str
    kind: str = ""
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class SaidLine:
    """What the caller said and when, as the simulator tells it: seconds from the answer."""

    t0: float
    t1: float
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it sounded, from its first sound to its last, with all its parts."""

    kind: str
    text: str
    t0: float
    t1: float


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer and what the bot did. `gap_s`: from its end to the bot's next sound; None where that cannot be told
    (the bot spoke on, or the caller began again). `stop_s`: where the bot was speaking when it began: until it was
    silent. `talked_over`: the bot began to speak before it was over."""

    answer: Answer
    gap_s: float | None
    stop_s: float | None
    talked_over: bool
    reply_at: float | None = None


@dataclass(frozen=True, slots=True)
class CallSound:
    """A caller's recording taken apart. `probes`: sounds that were no answers and fell into the bot's speech."""

    first_audio_s: float | None
    answers: tuple[Heard, ...]
    probes: tuple[Span, ...]
    length_s: float
    bot: tuple[Span, ...]


def take_apart(caller: Samples, bot: Samples, lines: Sequence[SaidLine], script: Mapping[str, Spoken]) -> CallSound:
    """`caller`, `bot`: the two sides, 8 kHz, on one time line from the answer; `script`: by what is said."""
    heard = spans(bot)
    answers = tuple(_heard(a, after, heard) for a, after in _with_next(answers_of(caller, lines, script)))
    said = [(line, loud_within(caller, (line.t0, line.t1))) for line in lines]
    probes = [span for line, span in said if (known := script.get(line.text)) is not None and not known.kind]
    over_bot = tuple(span for span in probes if sounding(heard, span[0]))
    return CallSound(heard[0][0] if heard else None, answers, over_bot, caller.size / 8000, tuple(heard))


def answers_of(caller: Samples, lines: Sequence[SaidLine], script: Mapping[str, Spoken]) -> list[Answer]:
    """The answers in order; parts of one joined. What is not in the script is left out."""
    found: list[Answer] = []
    open_part: Answer | None = None
    for line in sorted(lines, key=lambda one: one.t0):
        known = script.get(line.text)
        if known is None or not known.kind:
            continue
        t0, t1 = loud_within(caller, (line.t0, line.t1))
        answer = Answer(known.kind, line.text, t0, t1)
        if open_part is not None and open_part.kind == known.kind and t0 - open_part.t1 < LONGEST_PAUSE_S:
            answer = Answer(known.kind, f"{open_part.text} {line.text}", open_part.t0, t1)
            found.pop()
        found.append(answer)
        open_part = answer if known.goes_on else None
    return found


def _with_next(answers: Sequence[Answer]) -> list[tuple[Answer, float]]:
    """Each answer and when the next one begins."""
    starts = [*(a.t0 for a in answers[1:]), float("inf")]
    return list(zip(answers, starts, strict=False))


def _heard(answer: Answer, next_t0: float, bot: Sequence[Span]) -> Heard:
    stop = None
    if sounding(bot, answer.t0):
        stop = round(silent_from(bot, answer.t0) - answer.t0, 3)
    talked_over = any(answer.t0 + TOO_SOON_S < start < answer.t1 - SLACK_S for start, _ in bot)
    gap = reply = None
    if not talked_over and not sounding(bot, answer.t1 - SLACK_S):
        reply = next((start for start, _ in bot if start >= answer.t1 - SLACK_S), None)
        if reply is not None and reply < next_t0 and reply - answer.t1 < LONGEST_GAP_S:
            gap = round(max(0.0, reply - answer.t1), 3)
    return Heard(answer, gap, stop, talked_over, reply)


def sounding(bot: Sequence[Span], t: float) -> bool:
    """Was the bot in the middle of speaking at `t`?"""
    return any(start < t < end - SLACK_S for start, end in bot)


def silent_from(bot: Sequence[Span], t: float) -> float:
    """When the bot that speaks at `t` has fallen silent, pauses for breath left out."""
    end = t
    for start, stop in bot:
        if stop > t and start <= end + (BREATH_S if end > t else 0.0):
            end = max(end, stop)
    return end
