"""The last table of docs/answering_machines.md: who answered, from sound, over the whole set and two voices.

.venv/bin/python -m tools.answering_figures        (some four minutes on one core)
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from sip_sim.voices import VoiceBox
from tests.engines.test_answering_sound import PHRASES, Line, sound_of
from tests.support.answering_set import CALLS, MISSED, Answer
from voicebot.call.answered import Answered
from voicebot.engines.choose import choose_activity
from voicebot.engines.whisper_asr import WhisperRecognizer
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.settings import PROJECT

VOICES = ("heart", "joe")
#: The bot's first question goes unanswered so long after the end of the answer, the next so much later (s).
NO_REPLY_S = (10.0, 9.0, 9.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What was decided when the answer was over, and after three questions without a reply."""

    answer: Answer
    voice: str
    kind: str
    later: str
    cause: str


async def listen(answer: Answer, voice: str, whisper: WhisperRecognizer, voices: VoiceBox) -> Found:
    """One call; recognition takes no time."""
    line, activity = Line(), choose_activity().start()
    random = np.random.default_rng(2)
    with ThreadPoolExecutor(1) as pool:
        answered = Answered(line, whisper, pool, PHRASES, lambda *_: None)

        async def feed(pcm: bytes) -> str:
            for at in range(0, len(pcm), 320):
                frame = AudioFrame(pcm[at : at + 320], MEDIA_RATE, line.t)
                answered.on_chunks(frame, activity.accept(frame))
                line.t += 0.02
                while running := asyncio.all_tasks() - {asyncio.current_task()}:
                    await asyncio.wait(running)
            return answered.verdict.kind if answered.verdict.machine else "human"

        kind = later = await feed(sound_of(answer, voices, voice))
        for seconds in NO_REPLY_S:
            later = await feed(random.normal(0, 60, round(seconds * MEDIA_RATE)).astype(np.int16).tobytes())
            answered.no_reply()
            later = answered.verdict.kind if answered.verdict.machine else later
        found = Found(answer, voice, kind, later, answered.verdict.cause)
        await answered.finish()
    return found


def main() -> None:
    """Print every wrong decision and the sums."""
    whisper = WhisperRecognizer(PROJECT / "models" / "whisper-tiny-en")
    voices = VoiceBox(cache=PROJECT / "var" / "tests" / "answering")
    found = [asyncio.run(listen(answer, voice, whisper, voices)) for voice in VOICES for answer in (*CALLS, *MISSED)]
    for row in found:
        if row.kind != row.answer.kind:
            sys.stdout.write(f"{row.voice}: {row.answer.name} -> {row.kind}, {row.later} later: {row.cause}\n")
    people = [row for row in found if row.answer.kind == "human"]
    machines = [row for row in found if row.answer.kind != "human"]
    missed = [row for row in machines if row.kind == "human"]
    sys.stdout.write(
        f"people taken for machines {sum(row.kind != 'human' for row in people)} of {len(people)}\n"
        f"machines taken for people {len(missed)} of {len(machines)}, of these found when nobody replied "
        f"{sum(row.later != 'human' for row in missed)}\n"
        f"machines of another kind {sum(row.kind not in ('human', row.answer.kind) for row in machines)}\n"
    )


if __name__ == "__main__":
    main()
