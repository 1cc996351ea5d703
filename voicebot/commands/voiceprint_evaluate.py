"""`voicebot voiceprint evaluate`: the figures of the check of the speaker on people it has never heard."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from voicebot.commands.voice_files import CHANNELS
from voicebot.commands.voice_stress import CONDITIONS, Surroundings, babble_of, spoil
from voicebot.commands.voiceprint_figures import as_json, as_text
from voicebot.commands.voiceprint_people import (
    ManyEncoder,
    Person,
    as_speaker,
    find_speakers,
    hash_files,
    load_person,
    whole_windows,
)
from voicebot.commands.voiceprint_report import html_report
from voicebot.engines.choose import choose_activity, joined_encoder
from voicebot.errors import SettingsError
from voicebot.model.ports import VoiceActivity
from voicebot.settings import Settings, VoiceprintSettings
from voicebot.voiceprint import calibration as cal
from voicebot.voiceprint.decision import policy_from
from voicebot.voiceprint.net_speech import NetWindow
from voicebot.voiceprint.proof import Proof, StressProof, prove, prove_stress
from voicebot.voiceprint.trials import Speaker

#: Beginnings of each window that are embedded too: a window and a beginning make 3 s of net speech.
PARTS_S = (1.0,)
#: Net speech of each speaker under each condition, and calls played with it.
STRESS_NET_S = 8.0
STRESS_STARTS = 4
_BABBLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything the report tells. `left_out`: speaker -> why; `skipped`: files of the others that were not used."""

    folder: str
    date: str
    data_hash: str
    model_id: str
    calibration: cal.Calibration
    proof: Proof
    stress: Mapping[str, StressProof]
    left_out: Mapping[str, str]
    seconds: float
    skipped: Sequence[str] = ()


class Progress:
    """Says on stderr how far the work is and how long the rest takes: one line that changes on a terminal, else a line
    every ten seconds."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0
        self._start = self._said = time.monotonic()
        self._live = sys.stderr.isatty()

    def step(self, what: str) -> None:
        """One of the steps is done."""
        self._done += 1
        now = time.monotonic()
        last = self._done >= self._steps
        if not last and now - self._said < (0.2 if self._live else 10.0):
            return
        self._said = now
        left = (now - self._start) / self._done * (self._steps - self._done)
        line = f"{100 * self._done // self._steps:3d} %  {what:<24} about {left:.0f} s left"
        click.echo(f"\r{line}   " if self._live else line, err=True, nl=last or not self._live)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json_text", is_flag=True, help="Print the figures as JSON, shares in percent.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report with curves, in one file."
)
@click.option("--stress/--no-stress", default=True, show_default=True, help="Also under codecs, loss and noise.")
@click.option("--channel", type=click.Choice(CHANNELS), help="The speaker's, in files with two channels.")
@click.option("--threads", type=click.IntRange(1, 64), help="Processor cores to use (default: all, at most 4).")
@click.pass_obj
def evaluate(
    settings: Settings,
    folder: Path,
    as_json_text: bool,
    html: Path | None,
    stress: bool,
    channel: str | None,
    threads: int | None,
) -> None:
    """Measure the check of the speaker on FOLDER: one folder per speaker, in it recordings (WAV or FLAC, any rate).

    The longest recording of a speaker enrols, the others are tested, against all voiceprints. Nothing is fitted: models
    and calibration are those of the settings. 42 speakers with a minute of sound each take about 6 minutes on two
    free cores, 2 without the stress.

    \b
    Examples:
      voicebot voiceprint evaluate recordings
      voicebot voiceprint evaluate recordings --json --html report.html > figures.json
    """
    if html is not None and not html.parent.is_dir():
        raise SettingsError(f"{html.parent}: no such folder", hint="--html names a file in a folder that is there")
    encoder = joined_encoder(settings, threads=threads or min(4, os.cpu_count() or 1))
    found = run(folder, encoder, choose_activity(), settings.voiceprint, stress=stress, channel=channel)
    if html is not None:
        html.write_text(html_report(found), encoding="utf-8")
        click.echo(f"wrote {html}", err=True)
    click.echo(json.dumps(as_json(found), indent=2) if as_json_text else as_text(found))


def run(
    folder: Path,
    encoder: ManyEncoder,
    activity: VoiceActivity,
    settings: VoiceprintSettings,
    *,
    stress: bool = True,
    channel: str | None = None,
) -> Evaluation:
    """The whole evaluation. Raises SettingsError where fewer than two speakers can be used."""
    begun = time.monotonic()
    calibration = cal.load(settings.calibration, encoder.model_id)
    cal.check_model(calibration, encoder.model_id)
    files = find_speakers(folder)
    progress = Progress(len(files) * (2 + (len(CONDITIONS) if stress else 0)))
    people: list[Person] = []
    speakers: list[Speaker] = []
    left_out: dict[str, str] = {}
    for name in sorted(files):
        person = load_person(name, files[name], encoder, activity, settings, channel)
        progress.step("enrolling")
        if isinstance(person, str):
            left_out[name] = person
            click.echo(f"left out: {name}: {person}", err=True)
        else:
            for why in person.skipped:
                click.echo(f"skipped: {why}", err=True)
            people.append(person)
            speakers.append(as_speaker(person, person.windows, encoder, PARTS_S))
        progress.step("embedding")
    if len(people) < 2:
        raise SettingsError(
            f"{folder}: {len(people)} speakers can be used, two are the least"
            + "".join(f"\n  {name}: {why}" for name, why in left_out.items()),
            hint="each needs a recording to enrol (3 s of speech or more) and another to test (1.5 s or more)",
        )
    policy = policy_from(settings)
    policies = [policy, *([] if policy.alpha == 0.001 else [replace(policy, alpha=0.001)])]
    spoilt = {}
    for condition in CONDITIONS if stress else ():
        tested = _spoilt_speakers(people, condition, encoder, activity, settings, progress)
        spoilt[condition] = prove_stress(tested, calibration, policy, starts=STRESS_STARTS)
    return Evaluation(
        folder.name,
        datetime.now(UTC).date().isoformat(),
        hash_files(folder, [f for some in files.values() for f in some]),
        encoder.model_id,
        calibration,
        prove(speakers, calibration, policies),
        spoilt,
        left_out,
        time.monotonic() - begun,
        [why for person in people for why in person.skipped],
    )


def _spoilt_speakers(
    people: Sequence[Person],
    condition: str,
    encoder: ManyEncoder,
    activity: VoiceActivity,
    settings: VoiceprintSettings,
    progress: Progress,
) -> list[Speaker]:
    """Everybody's tests after a condition: speech is found anew in the spoilt sound, as in a call. Who is not heard as
    speaking any more has no windows."""
    order = sorted(CONDITIONS).index(condition)
    found = []
    for number, person in enumerate(people):
        random = np.random.default_rng([order, number])
        speech = person.speech
        others = [p.speech for p in people if p is not person] if "babble" in condition else []
        around = Surroundings(float(np.mean(np.square(speech))), babble_of(others, random, _BABBLE_S), random)
        spoilt = [spoil(condition, recording, around) for recording in person.tests]
        lost = sum(share * r.duration for r, share in spoilt) / sum(r.duration for r, _ in spoilt)
        most = max(1, round(STRESS_NET_S / settings.window_s))
        windows = whole_windows([recording for recording, _ in spoilt], activity, settings, most)
        windows = tuple(_marked(w, lost) for w in windows)
        found.append(as_speaker(person, windows, encoder, PARTS_S))
        progress.step(condition)
    return found


def _marked(window: NetWindow, lost: float) -> NetWindow:
    """The window with what the line's statistics would have said of it."""
    return replace(window, quality=replace(window.quality, lost_frames=lost))
