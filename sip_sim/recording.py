"""Recordings for enrolment: neutral sentences in one voice, as a telephone would deliver them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sip_sim.audio import net_speech_s, write_wav
from sip_sim.errors import VoiceError
from sip_sim.g711 import through
from sip_sim.voices import VoiceBox

SENTENCES: Final = Path(__file__).with_name("sentences.txt")


def record(voices: VoiceBox, voice: str, seconds: float, out: Path, codec: str = "PCMA") -> list[Path]:
    """Write at least `seconds` of net speech as one WAV per sentence (8 kHz, through G.711); the files in order."""
    sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
    written: list[Path] = []
    net = 0.0
    for index, sentence in enumerate(sentences, 1):
        samples = through(codec, voices.say(voice, sentence))
        path = out / f"{voice}-{index:02d}.wav"
        write_wav(path, samples)
        written.append(path)
        net += net_speech_s(samples)
        if net >= seconds:
            return written
    raise VoiceError(
        f"the sentences give only {net:.0f} s of speech in voice {voice!r}", hint=f"ask for less, or add to {SENTENCES}"
    )
