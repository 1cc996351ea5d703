"""All sound of a run, made before the first call: speech, greetings with their beep, announcements, noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sip_sim.audio import read_sound
from sip_sim.caller import Speech, speech_key
from sip_sim.g711 import RATE, Samples
from sip_sim.model import Scenario, Step
from sip_sim.network import NoiseSpec
from sip_sim.recording import SENTENCES
from sip_sim.surroundings import at_snr, babble, white
from sip_sim.voices import VoiceBox, pause

_BEEP_HZ: Final = 1000.0
_BEEP_S: Final = 0.4
_BEFORE_BEEP_S: Final = 0.5
_BABBLE_VOICES: Final = ("heart", "heart-low", "heart-bright")
_BABBLE_SENTENCES: Final = 4
#: Who speaks the network's announcements.
ANNOUNCER: Final = "heart"


def render(scenarios: Sequence[Scenario], voices: VoiceBox) -> Speech:
    """(voice, words) -> samples for all that callers, announcements and agents say."""
    speech: dict[tuple[str, str], Samples] = {}
    for scenario in scenarios:
        for step in scenario.caller:
            key = speech_key(scenario, step)
            if step.spoken and key not in speech:
                speech[key] = _spoken(step, key, voices)
        answers, agent = scenario.answers, scenario.agent
        if answers.early_media:
            speech[(ANNOUNCER, answers.early_media)] = voices.say(ANNOUNCER, answers.early_media)
        if agent is not None and agent.says:
            speech[(agent.voice, agent.says)] = voices.say(agent.voice, agent.says)
    return speech


def _spoken(step: Step, key: tuple[str, str], voices: VoiceBox) -> Samples:
    if step.plays is not None:
        return read_sound(step.plays)
    words = voices.say(*key)
    if step.voicemail is not None and step.voicemail.beep:
        return np.concatenate([words, pause(_BEFORE_BEEP_S), beep()])
    return words


def beep() -> Samples:
    """An answering machine's tone: 1 kHz, 0.4 s, without clicks at its ends."""
    t = np.arange(round(_BEEP_S * RATE)) / RATE
    edges = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.01)
    return np.asarray(np.round(9000 * edges * np.sin(2 * np.pi * _BEEP_HZ * t)), dtype=np.int16)


def background(spec: NoiseSpec | None, seed: int, voices: VoiceBox) -> Samples | None:
    """The noise of one call at its SNR, to be repeated; None for none."""
    if spec is None:
        return None
    if spec.kind == "file" and spec.file is not None:
        return at_snr(read_sound(spec.file), spec.snr_db)
    if spec.kind == "babble":
        sentences = SENTENCES.read_text(encoding="utf-8").splitlines()[:_BABBLE_SENTENCES]
        people = [np.concatenate([voices.say(name, line) for line in sentences]) for name in _BABBLE_VOICES]
        return at_snr(babble(people, seed), spec.snr_db)
    return at_snr(white(seed), spec.snr_db)


def backgrounds(scenarios: Sequence[Scenario], voices: VoiceBox) -> dict[str, Samples]:
    """The noise of every call that has some, by the scenario's slug."""
    made: dict[str, Samples] = {}
    for scenario in scenarios:
        noise = background(scenario.call.network.noise, scenario.call.seed or 0, voices)
        if noise is not None:
            made[scenario.slug] = noise
    return made
