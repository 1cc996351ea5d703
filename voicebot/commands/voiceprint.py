"""`voicebot voiceprint`: the check of the speaker, fitted to one's own line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from voicebot.commands.voice_files import SUFFIXES, net_windows, read_recording, samples_of
from voicebot.engines.ecapa_speaker import EcapaEncoder
from voicebot.engines.silero_vad import SileroActivity
from voicebot.errors import SettingsError, VoicebotError
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import SpeakerEncoder, VoiceActivity
from voicebot.settings import Settings, VoiceprintSettings
from voicebot.voiceprint import calibration as cal
from voicebot.voiceprint.enrolment import enrol
from voicebot.voiceprint.fitting import Speaker, TestWindow, make_calibration
from voicebot.voiceprint.net_speech import NetWindow

#: Beginnings of each tested window that are embedded too: decisions that could not wait for a whole one.
PARTS_S = (1.0, 1.5)
#: What recordings must have here: more forgiving than an enrolment, since callers in doubt belong into the figures.
LENIENT = {"enrol_min_net_s": 5.0, "enrol_min_utterances": 1, "enrol_min_speech_share": 0.0}


@click.group()
def voiceprint() -> None:
    """Calibrate the check of the speaker on recordings of one's own line."""


@voiceprint.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), default="var/calibration.json", show_default=True)
@click.option("--id", "name", default="own", show_default=True, help="Stored with every result it gives.")
@click.option("--about", default="", help="What the recordings are; stored in the file.")
@click.option(
    "--channel", type=click.Choice(("left", "right", "mix")), help="The speaker's, in files with two channels."
)
@click.pass_obj
def calibrate(settings: Settings, folder: Path, out: Path, name: str, about: str, channel: str | None) -> None:
    """Fit a calibration on FOLDER: one folder per speaker, in it recordings (WAV or FLAC, any rate).

    The longest recording of a speaker enrols, the others are tested. The figures printed, and stored in the file, come
    from speakers the fit did not see. Takes about 0.4 s per second of speech.

    \b
    Examples:
      voicebot voiceprint calibrate recordings --about "branch line, 2026" --out var/branch.json
      VOICEBOT_VOICEPRINT__CALIBRATION=var/branch.json voicebot dial ...
    """
    people = find_speakers(folder)
    encoder = EcapaEncoder(settings.paths.models / settings.voiceprint.model)
    activity = SileroActivity()
    speakers: list[Speaker] = []
    left_out: list[str] = []
    with click.progressbar(sorted(people), label="embedding", show_pos=True) as names:
        for person in names:
            found = load_speaker(person, people[person], encoder, activity, settings.voiceprint, channel)
            if isinstance(found, str):
                left_out.append(f"{person}: {found}")
            else:
                speakers.append(found)
    for line in left_out:
        click.echo(f"left out: {line}", err=True)
    fitted = make_calibration(
        speakers,
        calibration_id=name,
        fitted_on=about or f"{len(speakers)} speakers of {folder.name}",
        date=datetime.now(UTC).date().isoformat(),
        data_hash=hash_files(folder, [f for files in people.values() for f in files]),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(cal.dump(fitted), encoding="utf-8")
    for key, value in fitted.figures.items():
        click.echo(f"{key:>32}  {value:g}")
    click.echo(f"{fitted.speakers} speakers, {fitted.trials} trials; wrote {out}")


def find_speakers(folder: Path) -> dict[str, list[Path]]:
    """Speaker -> recordings. Raises SettingsError where there are none."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder", hint="one folder per speaker, two recordings or more in each")
    people = {
        each.name: sorted(f for f in each.iterdir() if f.suffix.lower() in SUFFIXES)
        for each in sorted(folder.iterdir())
        if each.is_dir()
    }
    people = {name: files for name, files in people.items() if len(files) > 1}
    if not people:
        raise SettingsError(
            f"{folder}: no speaker with two recordings", hint="FOLDER/<speaker>/*.wav or *.flac, two or more of each"
        )
    return people


def load_speaker(
    name: str,
    files: Sequence[Path],
    encoder: SpeakerEncoder,
    activity: VoiceActivity,
    settings: VoiceprintSettings,
    channel: str | None = None,
) -> Speaker | str:
    """One speaker's voiceprint and test windows; or why the recordings cannot be used."""
    try:
        recordings = [read_recording(f, channel) for f in files]
        longest = max(range(len(recordings)), key=lambda i: recordings[i].duration)
        others = [r for i, r in enumerate(recordings) if i != longest]
        lenient = settings.model_copy(update=LENIENT)
        enrolment = enrol(samples_of([recordings[longest]], encoder, activity), lenient)
        if not enrolment.accepted:
            return enrolment.refusal()
        windows = [w for w in net_windows(others, activity) if w.net_s >= settings.window_s - 1e-6]
        if not windows:
            return f"less than {settings.window_s:g} s of test speech"
        tested = tuple(_embed(w, encoder) for w in windows)
    except VoicebotError as error:
        return str(error)
    return Speaker(name, enrolment.voiceprint(name, encoder.model_id, ""), tested)


def _embed(window: NetWindow, encoder: SpeakerEncoder) -> TestWindow:
    rate = window.audio.rate
    parts = tuple(
        (s, encoder.embed(AudioFrame(window.audio.pcm16[: 2 * round(s * rate)], rate)))
        for s in PARTS_S
        if s < window.net_s
    )
    return TestWindow(encoder.embed(window.audio), window.net_s, window.quality, parts)


def hash_files(folder: Path, files: Sequence[Path]) -> str:
    """sha256 over the files' names and contents: says later which recordings a calibration was fitted on."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.relative_to(folder)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
