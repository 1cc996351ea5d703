"""Who answered: timelines of speech, words, beeps and answers -> class and cause. Audio time only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from tests.support.answering_set import CALLS, MISSED, Answer, Beep, Say
from voicebot.errors import FlowError
from voicebot.flow.prompts import Prompts
from voicebot.model.audio import SpeechChunk
from voicebot.model.outcome import AnsweredBy
from voicebot.nlu.answering import HOLD, AnsweringPhrases, read_answering
from voicebot.nlu.language import load_language
from voicebot.nlu.yaml_nodes import Problems
from voicebot.settings import PROJECT
from voicebot.turn.amd import AnsweringDetector, Verdict
from voicebot.turn.beep import Tone, ToneKind

TEMPLATES = PROJECT / "scripts_templates"
ENGLISH = load_language(TEMPLATES, PROJECT / "callflows", "en")
CHUNK = 0.032
#: While speech goes on its words so far are known each 2 s, as voicebot.call.answered asks for them.
AGAIN_S = 2.0


class Line:
    """Feeds a detector as the line does."""

    def __init__(self, phrases: AnsweringPhrases = ENGLISH.answering) -> None:
        self.detector = AnsweringDetector(phrases)
        self.t = 0.0
        self.decided: list[Verdict] = []

    def sound(self, seconds: float, probability: float = 0.02) -> None:
        end = self.t + seconds
        while self.t < end:
            self.detector.speech(SpeechChunk(self.t, self.t + CHUNK, probability))
            self.t += CHUNK
            self._note()

    def says(self, text: str, seconds: float | None = None, answer: bool | None = None) -> None:
        words, began = text.split(), self.t
        length = seconds or Say(0.0, text).length
        while self.t < began + length - 1e-6:
            self.sound(min(AGAIN_S, began + length - self.t), 0.95)
            known = int(len(words) * min(1.0, (self.t - began) / length))
            self.detector.text(" ".join(words[:known]), began)
            self._note()
        if answer is not None:
            self.detector.answer(text, began, self.t, fits=answer)
            self._note()

    def tone(self, seconds: float = 0.4, kind: ToneKind = ToneKind.BEEP) -> None:
        began = self.t
        self.sound(seconds, 0.1)
        self.detector.tone(Tone(kind, began, self.t, 1000.0))
        self._note()

    def call(self, answer: Answer) -> Verdict:
        for event in answer.events:
            self.sound(event.after)
            if isinstance(event, Say):
                self.says(event.text, answer=event.answer)
            elif isinstance(event, Beep):
                self.tone()
            else:
                self.tone(1.0, ToneKind.SPECIAL_INFORMATION)
        self.sound(4.0)
        return self.verdict

    def _note(self) -> None:
        if self.verdict.machine and not self.decided:
            self.decided.append(self.verdict)

    @property
    def verdict(self) -> Verdict:
        return self.detector.verdict


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    found: str


@pytest.mark.parametrize("answer", CALLS, ids=lambda a: a.name)
def test_the_set(answer: Answer) -> None:
    verdict = Line().call(answer)
    assert (verdict.kind if verdict.machine else "human") == answer.kind, verdict.cause


def test_no_person_is_taken_for_a_machine_and_few_machines_for_people() -> None:
    matrix = Counter(_Row(a.kind, Line().call(a).kind) for a in (*CALLS, *MISSED))
    people = [row for row in matrix.elements() if row.kind == "human"]
    machines = [row for row in matrix.elements() if row.kind != "human"]
    assert len(people) >= 30
    assert len(machines) >= 30
    assert sum(row.found not in ("human", "unknown") for row in people) / len(people) <= 0.03
    assert sum(row.found in ("human", "unknown") for row in machines) / len(machines) <= 0.10


@pytest.mark.parametrize("answer", MISSED, ids=lambda a: a.name)
def test_what_says_nothing_of_a_machine_is_taken_for_a_person(answer: Answer) -> None:
    assert not Line().call(answer).machine


@pytest.mark.parametrize("answer", [a for a in CALLS if a.kind == "human"], ids=lambda a: a.name)
def test_a_person_is_never_taken_for_a_machine_on_the_way(answer: Answer) -> None:
    line = Line()
    line.call(answer)
    assert line.decided == []


def test_a_mailbox_is_decided_while_it_still_speaks() -> None:
    line = Line()
    line.sound(0.4)
    line.says("You have reached the voicemail of Joe Miller. Please leave a message after the tone and I call back.")
    assert line.decided
    assert line.decided[0].t <= 6.0
    assert line.decided[0].answered_by is AnsweredBy.VOICEMAIL


def test_the_beep_decides_where_the_words_say_nothing() -> None:
    line = Line()
    line.sound(0.5)
    line.says("Hey, this is Bob, out surfing, you know what to do.")
    assert not line.verdict.machine
    line.sound(0.5)
    line.tone()
    assert line.verdict.kind == "voicemail"
    assert "a beep at" in line.verdict.cause


def test_words_without_a_table_decide_nothing_but_the_beep_does() -> None:
    empty = AnsweringPhrases(ENGLISH.words.spelling)
    line = Line(empty)
    line.sound(0.4)
    line.says("You have reached the voicemail of Joe Miller. Please leave a message after the tone.")
    assert line.verdict.answered_by is AnsweredBy.UNKNOWN
    line.sound(0.5)
    line.tone()
    assert line.verdict.answered_by is AnsweredBy.VOICEMAIL


def test_length_alone_is_no_machine() -> None:
    line = Line()
    line.sound(0.3)
    line.sound(14.0, 0.95)
    assert line.verdict.kind == "unknown"


def test_words_that_people_use_as_well_are_no_machine_at_any_length() -> None:
    line = Line()
    line.sound(0.5)
    line.says(
        "Hello, I was away from my desk, the phone, I left two messages on your voicemail and she is not available."
    )
    assert not line.verdict.machine


def test_the_special_information_tone_alone_is_an_announcement() -> None:
    line = Line()
    line.tone(1.0, ToneKind.SPECIAL_INFORMATION)
    line.sound(0.3)
    line.says("Kein Anschluss unter dieser Nummer.")
    assert line.verdict.kind == "not_in_service"
    assert line.verdict.answered_by is AnsweredBy.IVR


def test_music_and_noise_are_nobody() -> None:
    line = Line()
    for i in range(400):
        line.sound(CHUNK, 0.3 if i % 3 else 0.55)
    assert line.verdict.kind == "unknown"
    assert line.verdict.cause


def test_a_short_greeting_that_waits_is_a_person() -> None:
    line = Line()
    line.sound(0.5)
    line.says("Hello?")
    line.sound(1.5)
    assert line.verdict.kind == "human"
    assert line.verdict.cause.startswith("a short greeting")
    assert not line.detector.settled


def test_an_answer_that_fits_settles_it_for_good() -> None:
    line = Line()
    line.sound(8.0)
    line.says("Yes, speaking.", answer=True)
    assert line.detector.settled
    line.says("Somebody said, at the tone, leave your message after the beep.")
    assert line.verdict.kind == "human"


def test_words_of_a_machine_are_no_fitting_answer() -> None:
    line = Line()
    line.sound(8.0)
    line.says("No one is available.", answer=True)
    assert not line.detector.settled


def test_a_key_is_a_persons() -> None:
    line = Line()
    line.sound(1.0)
    line.detector.key()
    line.says("Press one for sales, press two for billing.")
    assert line.verdict.kind == "human"
    assert line.detector.settled


def test_a_machine_may_turn_out_to_be_another_kind() -> None:
    line = Line()
    line.sound(0.4)
    line.says("After the tone,")
    assert line.verdict.kind == "voicemail"
    line.says("state your name, record your name and reason, and I will see if this person is available.")
    assert line.verdict.kind == "screening"


def test_a_cause_names_the_tables_words_never_the_callers() -> None:
    line = Line()
    line.sound(0.4)
    line.says("You have reached the voicemail of Joe Miller, please leave a message after the tone.")
    assert "Miller" not in line.verdict.cause
    assert "`after the tone`" in line.verdict.cause


def test_the_bots_own_echo_is_no_machine() -> None:
    """Nothing the bot says to a customer holds a strong phrase of the table."""
    prompts = Prompts(TEMPLATES, "en")
    for flow in prompts.folder_flows():
        heard = (b for b in prompts.blocks(flow).values() if not b.name.startswith("agent_"))  # those a colleague hears
        for block in heard:
            text = " ".join(part for part, _ in block.texts)
            assert not [cue for cue in ENGLISH.answering.find(text) if cue.strong and cue.kind != HOLD], (
                f"{flow}.{block.name}"
            )


def test_a_wrong_table_is_reported_with_its_lines(tmp_path) -> None:
    path = tmp_path / "answering.yaml"
    path.write_text("voicemail:\n  strong: ['* beep']\nfax:\n  strong: [hello]\n", encoding="utf-8")
    problems = Problems()
    read_answering(path, ENGLISH.words.spelling, problems)
    with pytest.raises(FlowError) as found:
        problems.check("")
    assert f"{path}:2: " in str(found.value)
    assert f"{path}:3: unknown key `fax`" in str(found.value)


def test_a_language_without_a_table_has_no_phrases(tmp_path) -> None:
    problems = Problems()
    assert read_answering(tmp_path / "answering.yaml", ENGLISH.words.spelling, problems).rows == ()
    assert not problems.found


def test_a_greeting_and_then_no_reply_is_a_mailbox() -> None:
    line = Line()
    line.sound(0.4)
    line.says("Hey, it is Hugo, out in the mountains with the dogs, so you know how it goes, talk to you soon.")
    line.sound(10.0)
    assert not line.verdict.machine
    line.detector.no_reply()
    line.sound(9.0)
    line.detector.no_reply()
    assert not line.verdict.machine  # people do not hear the first, and think about the second
    line.sound(9.0)
    line.detector.no_reply()
    assert line.verdict.kind == "voicemail"
    assert "no reply to 3 question(s)" in line.verdict.cause


def test_with_a_weak_word_two_unanswered_questions_are_enough() -> None:
    line = Line()
    line.sound(0.4)
    line.says("You have reached the Millers, we are out and about, talk to you soon.")
    line.sound(10.0)
    line.detector.no_reply()
    assert not line.verdict.machine
    line.sound(10.0)
    line.detector.no_reply()
    assert line.verdict.kind == "voicemail"


@pytest.mark.parametrize(
    "greeting", ["Hey, it is Hugo, talk to you soon, bye.", "You have reached Hugo, talk to you soon."]
)
def test_who_speaks_up_into_the_message_is_a_person(greeting: str) -> None:
    line = Line()
    line.sound(0.4)
    line.says(greeting, seconds=4.0)
    for _ in range(3):
        line.sound(9.0)
        line.detector.no_reply()
    assert line.verdict.kind == "voicemail"
    line.sound(0.3, 0.4)  # a soft "hello?"
    assert not line.verdict.machine


def test_a_soft_word_between_the_questions_starts_the_count_anew() -> None:
    line = Line()
    line.sound(0.4)
    line.says("Hello, Miller speaking, good morning, who is this please, and what is it about?")
    for _ in range(4):
        line.sound(9.0)
        line.detector.no_reply()
        line.sound(2.0)
        line.sound(0.2, 0.4)
    assert not line.verdict.machine


@pytest.mark.parametrize("greeting", ["Hello?", "Miller."])
def test_who_says_hello_and_then_nothing_stays_a_person(greeting: str) -> None:
    line = Line()
    line.sound(0.4)
    line.says(greeting)
    for _ in range(3):
        line.sound(9.0)
        line.detector.no_reply()
    assert line.verdict.kind == "human"


def test_who_speaks_again_starts_the_count_anew() -> None:
    line = Line()
    line.sound(0.4)
    line.says("Hello, Miller speaking, good morning, who is this please, and what is it about?")
    line.sound(9.0)
    line.detector.no_reply()
    line.sound(5.0)
    line.says("Hello? I can hear you.")
    line.sound(9.0)
    line.detector.no_reply()
    assert not line.verdict.machine


def test_a_strong_phrase_in_another_hypothesis_counts_a_weak_one_does_not() -> None:
    line = Line()
    line.sound(0.4)
    line.sound(4.0, 0.95)
    line.detector.text("please lead your name and number", 0.4, ["we are not available"])
    assert not line.verdict.machine
    line.detector.text("please lead your name and number", 0.4, ["please leave your name and number"])
    assert line.verdict.kind == "voicemail"
    assert "not available" not in line.verdict.cause
