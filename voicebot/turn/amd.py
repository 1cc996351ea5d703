"""Who answered: a person, or which kind of machine. Pure; counts audio time; runs beside the speaking bot.

Evidence is added up as points, each with its reason, so that a decision can be read afterwards: the phrases of the
language's table in what was recognised, how long the first speech went on, the beep, a carrier's tones; and, for a
person, a short greeting that waits, an answer that fits the question, a key. Length alone never makes a machine, nor
do words that people use as well: people answer at length, secretaries speak of voicemail, and the bot's own echo is
long (rules.md section 2: unknown is treated as human).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voicebot.model.audio import SpeechChunk
from voicebot.model.outcome import AnsweredBy
from voicebot.nlu.answering import (
    BARRED,
    IVR,
    MACHINES,
    NOT_IN_SERVICE,
    SCREENING,
    UNREACHABLE,
    VOICEMAIL,
    AnsweringPhrases,
    Cue,
)
from voicebot.turn.beep import Tone, ToneKind
from voicebot.turn.endpointing import Ended, Endpointer, EndpointingOptions, Paused, SpeechStarted

HUMAN, UNKNOWN = "human", "unknown"
ANNOUNCEMENTS = (NOT_IN_SERVICE, BARRED, UNREACHABLE)
#: Fewer questions without a reply say nothing: a person who greeted at length may not have heard the first.
_UNANSWERED = 2
#: `ivr`: a machine that is nobody's mailbox; a carrier's announcement is one.
_ANSWERED_BY = {
    HUMAN: AnsweredBy.HUMAN,
    UNKNOWN: AnsweredBy.UNKNOWN,
    VOICEMAIL: AnsweredBy.VOICEMAIL,
    SCREENING: AnsweredBy.SCREENING,
    IVR: AnsweredBy.IVR,
}


@dataclass(frozen=True, slots=True)
class AmdOptions:
    """Seconds of audio and points. A machine is decided at `machine_points` more than a person has."""

    machine_points: int = 3
    person_points: int = 3  # from here on the call is a person's, whatever is said later
    early_s: float = 3.0  # the first speech begins before; what begins later may answer the bot
    run_gap_s: float = 0.7  # a shorter pause does not end a stretch of speech
    short_s: float = 1.6  # "hello?", "Miller speaking"
    waits_s: float = 1.2  # silence after it
    long_s: float = 3.0
    very_long_s: float = 7.0
    answer_s: float = 4.0  # longest answer that shows a person
    greeting_s: float = 1.8  # least early speech before a beep that makes it a machine's: longer than a hello
    beep_after_s: float = 4.0  # at most so long after that speech
    words_until_s: float = 15.0  # later nothing is recognised for this
    beep_until_s: float = 45.0
    silent_s: float = 2.5  # a greeting so long, and then no word to the bot's questions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known at `t`. `kind`: human, unknown or one of nlu.answering.MACHINES; `cause` names the evidence in the
    table's words, never the caller's."""

    kind: str
    cause: str
    t: float

    @property
    def answered_by(self) -> AnsweredBy:
        """As stored with the attempt."""
        return _ANSWERED_BY.get(self.kind, AnsweredBy.IVR)

    @property
    def machine(self) -> bool:
        """True where no person is on the line (yet)."""
        return self.kind in MACHINES


@dataclass(slots=True)
class Run:
    """A stretch of speech, pauses under `run_gap_s` included; `over` when the silence after it was longer."""

    t0: float
    t1: float
    over: bool = False

    @property
    def length(self) -> float:
        """Seconds."""
        return self.t1 - self.t0


@dataclass(frozen=True, slots=True)
class _Point:
    points: int
    reason: str


@dataclass(slots=True)
class _Evidence:
    cues: dict[str, tuple[Cue, bool]] = field(default_factory=dict)  # by phrase; early or not
    beep: Tone | None = None
    beep_after_speech: bool = False
    special_information: bool = False
    answered: bool = False
    key: bool = False
    no_replies: int = 0  # questions of the bot since the last speech


class AnsweringDetector:
    """One outbound call's answer. Fed in order of time; `verdict` is current after every call."""

    def __init__(self, phrases: AnsweringPhrases, options: AmdOptions | None = None) -> None:
        self._phrases = phrases
        self._options = options or AmdOptions()
        self._endpointer = Endpointer(
            EndpointingOptions(silence_s=self._options.run_gap_s, pause_s=0.3, max_answer_s=600.0)
        )
        self._runs: list[Run] = []
        self._seen = _Evidence()
        self._t = 0.0
        self._verdict = Verdict(UNKNOWN, "nothing was heard", 0.0)
        self.paused = False  # the stretch that goes on pauses: its words so far are worth recognising

    # -- evidence ----------------------------------------------------------------------------------------------

    def speech(self, chunk: SpeechChunk) -> None:
        """One decision of the voice activity detector on the caller's sound."""
        self._t = chunk.t1
        self.paused = False
        for event in self._endpointer.accept(chunk):
            if isinstance(event, SpeechStarted):
                self._runs.append(Run(event.t, chunk.t1))
                self._seen.no_replies = 0
            elif isinstance(event, Ended):
                self._runs[-1].t1, self._runs[-1].over = event.t1, True
            elif isinstance(event, Paused):
                self.paused = True
        if self.run is not None:
            self.run.t1 = self._endpointer.silent_since or chunk.t1
        self._judge()

    def listen_closely(self) -> None:
        """From now on a soft, short word counts as speech: a person who comes on says no more than "hello?"."""
        self._endpointer = Endpointer(
            EndpointingOptions(threshold=0.35, release=0.25, silence_s=self._options.run_gap_s, max_answer_s=600.0)
        )
        if self.run is not None:
            self.run.over = True

    def text(self, text: str, t0: float, others: Sequence[str] = ()) -> None:
        """What was recognised of the stretch that began at `t0` (s), so far or whole; may come late and again.
        `others`: the recogniser's other hypotheses; only what people hardly say counts in them."""
        greeting = self._greeting()
        early = t0 <= (greeting[-1].t0 if greeting else self._options.early_s)
        found = [*self._phrases.find(text)]
        found += [cue for other in others for cue in self._phrases.find(other) if cue.strong]
        for cue in found:
            _, before = self._seen.cues.get(cue.phrase, (cue, False))
            self._seen.cues[cue.phrase] = (cue, early or before)
        self._judge()

    def tone(self, tone: Tone) -> None:
        """A beep, or a carrier's special information tone, in the caller's sound."""
        if tone.kind is ToneKind.SPECIAL_INFORMATION:
            self._seen.special_information = True
        elif tone.t1 <= self._options.beep_until_s:
            self._seen.beep = tone
            if self._ends_greeting(tone):
                self._seen.beep_after_speech = True
        self._judge()

    def answer(self, text: str, t0: float, t1: float, *, fits: bool) -> None:
        """An answer to a question of the bot, begun while the bot was silent. `fits`: it was understood."""
        self.text(text, t0)
        if fits and t1 - t0 <= self._options.answer_s and t0 > self._options.early_s and not self._phrases.find(text):
            self._seen.answered = True
            self._judge()

    def no_reply(self) -> None:
        """A question of the bot got no answer. From the first one on a soft word is speech: it is a person's sign."""
        if self._seen.no_replies == 0:
            self.listen_closely()
        self._seen.no_replies += 1
        self._judge()

    def key(self) -> None:
        """The callee pressed a key: machines do not."""
        self._seen.key = True
        self._judge()

    # -- decision ----------------------------------------------------------------------------------------------

    @property
    def verdict(self) -> Verdict:
        """The decision in force. A machine stays one (its kind may still change); a person stays one."""
        return self._verdict

    @property
    def run(self) -> Run | None:
        """The stretch of speech that goes on."""
        return self._runs[-1] if self._runs and not self._runs[-1].over else None

    @property
    def last_run(self) -> Run | None:
        """The newest stretch, over or not."""
        return self._runs[-1] if self._runs else None

    @property
    def beep(self) -> Tone | None:
        """The newest beep."""
        return self._seen.beep

    def silence_s(self) -> float:
        """Seconds since the last speech (since the answer where there was none)."""
        return self._t - (self._runs[-1].t1 if self._runs else 0.0)

    def _judge(self) -> None:
        person = self._person()
        scores = {kind: self._machine(kind) for kind in MACHINES}
        best = max(MACHINES, key=lambda kind: sum(p.points for p in scores[kind]))
        machine_points, person_points = (sum(p.points for p in found) for found in (scores[best], person))
        machine = machine_points - person_points >= self._options.machine_points
        if self._verdict.machine and any(p.points > 1 for p in scores[best]):
            machine = not self._seen.key  # what was decided by silence alone ends with the silence
        elif self._verdict.kind == HUMAN and machine:
            machine = not self._sure(self._verdict)
        if machine:
            self._verdict = Verdict(best, _cause(scores[best], person), self._t)
        elif person_points > 0:
            self._verdict = Verdict(HUMAN, _cause(person, scores[best]), self._t)
        elif self._runs:
            self._verdict = Verdict(UNKNOWN, _cause([], scores[best]) or "speech that says nothing", self._t)

    def _sure(self, verdict: Verdict) -> bool:
        return verdict.kind == HUMAN and sum(p.points for p in self._person()) >= self._options.person_points

    @property
    def settled(self) -> bool:
        """True where a person is certain: nothing more need be looked at."""
        return self._sure(self._verdict)

    def _person(self) -> list[_Point]:
        found = []
        options = self._options
        first = self._runs[0] if self._runs else None
        if first is not None and first.t0 <= options.early_s and first.over and first.length <= options.short_s:
            after = (self._runs[1].t0 if len(self._runs) > 1 else self._t) - first.t1
            if after >= options.waits_s:
                found.append(_Point(1, f"a short greeting ({first.length:.1f} s), then silence"))
        if self._seen.answered:
            found.append(_Point(3, "an answer that fits the question"))
        if self._seen.key:
            found.append(_Point(4, "a key was pressed"))
        return found

    def _machine(self, kind: str) -> list[_Point]:
        found = self._words(kind)
        if kind == VOICEMAIL and self._seen.beep is not None and not self._strong(SCREENING):  # that beeps as well
            after = self._seen.beep_after_speech
            found.append(_Point(3 if after else 1, f"a beep at {self._seen.beep.t0:.1f} s"))
        if self._seen.special_information and kind in ANNOUNCEMENTS and (found or kind == NOT_IN_SERVICE):
            found.append(_Point(3, "the special information tone"))
        greeting = self._greeting()
        if greeting and any(p.points > 1 for p in found):
            for limit in (self._options.long_s, self._options.very_long_s):
                if greeting[-1].t1 - greeting[0].t0 >= limit:
                    found.append(_Point(1, f"over {limit:g} s of speech from {greeting[0].t0:.1f} s on"))
        if kind == VOICEMAIL and self._speaks_and_is_silent(greeting):
            points = min(self._seen.no_replies, self._options.machine_points)
            found.append(_Point(points, f"a greeting, then no reply to {self._seen.no_replies} question(s)"))
        return found

    def _ends_greeting(self, tone: Tone) -> bool:
        """A beep shortly after speech that is too long for a hello and began too early for a reply."""
        options, greeting = self._options, self._greeting()
        spans = [(run.t0, run.t1) for run in self._runs if run.t0 <= options.early_s]
        if greeting:
            spans.append((greeting[0].t0, greeting[-1].t1))
        return any(t1 - t0 >= options.greeting_s and -1.0 <= tone.t0 - t1 <= options.beep_after_s for t0, t1 in spans)

    def _speaks_and_is_silent(self, greeting: list[Run]) -> bool:
        """A greeting too long for a hello, since which nothing was said though the bot asked."""
        if not greeting or self._seen.no_replies < _UNANSWERED or greeting[-1] is not self._runs[-1]:
            return False
        return greeting[-1].t1 - greeting[0].t0 >= self._options.silent_s

    def _greeting(self) -> list[Run]:
        """The first speech, with what follows it before a silence that waits for an answer; [] where it began so late
        that it may be a reply."""
        if not self._runs or self._runs[0].t0 > self._options.early_s:
            return []
        found = self._runs[:1]
        for run in self._runs[1:]:
            if run.t0 - found[-1].t1 >= self._options.waits_s:
                break
            found.append(run)
        return found

    def _strong(self, kind: str) -> bool:
        return any(cue.kind == kind and cue.strong for cue, _ in self._seen.cues.values())

    def _words(self, kind: str) -> list[_Point]:
        """Strong phrases count 3, then 1 each, in the first speech, 2 each in what may be a reply (a carrier does not
        wait for one); weak ones 1, twice, but in words that people who answer for others use as well once."""
        found: list[_Point] = []
        weak = 0 if kind in (VOICEMAIL, IVR) else 1
        for cue, early in self._seen.cues.values():
            if cue.kind != kind or (kind in ANNOUNCEMENTS and not early):
                continue
            if cue.strong:
                first = not any(p.points > 1 for p in found)
                found.append(_Point((3 if first else 1) if early else 2, f"`{cue.wording}`"))
            elif weak < 2:
                weak += 1
                found.append(_Point(1, f"`{cue.wording}`"))
        return found


def _cause(found: list[_Point], against: list[_Point]) -> str:
    parts = [", ".join(p.reason for p in found)] if found else []
    if against:
        parts.append(f"against it: {', '.join(p.reason for p in against)}")
    return "; ".join(parts)
