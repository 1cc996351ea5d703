"""`voicebot voiceprint`: the check of the speaker, measured, and fitted to one's own line."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from voicebot.commands.voice_files import CHANNELS
from voicebot.commands.voiceprint_evaluate import Progress, evaluate
from voicebot.commands.voiceprint_keys import change_master_key, revoke, show
from voicebot.commands.voiceprint_people import as_speaker, find_speakers, hash_files, load_person
from voicebot.commands.voiceprint_spoof import spoof
from voicebot.engines.choose import choose_activity, joined_encoder
from voicebot.settings import Settings
from voicebot.voiceprint import calibration as cal
from voicebot.voiceprint.fitting import make_calibration
from voicebot.voiceprint.trials import Speaker

#: Beginnings of each tested window that are embedded too: decisions that could not wait for a whole one.
PARTS_S = (1.0, 1.5)


@click.group()
def voiceprint() -> None:
    """Measure the check of the speaker, calibrate it on one's own line; show and destroy what is kept of a voice."""


voiceprint.add_command(evaluate)
voiceprint.add_command(spoof)
voiceprint.add_command(show)
voiceprint.add_command(revoke)
voiceprint.add_command(change_master_key)


@voiceprint.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path), default="var/calibration.json", show_default=True)
@click.option("--id", "calibration_id", default="own", show_default=True, help="Stored with every result it gives.")
@click.option("--about", default="", help="What the recordings are; stored in the file.")
@click.option("--channel", type=click.Choice(CHANNELS), help="The speaker's, in files with two channels.")
@click.option("--as-norm", is_flag=True, help="Also store these speakers as a cohort (200 or more).")
@click.pass_obj
def calibrate(
    settings: Settings,
    folder: Path,
    out: Path,
    calibration_id: str,
    about: str,
    channel: str | None,
    as_norm: bool,
) -> None:
    """Fit a calibration on FOLDER: one folder per speaker, in it recordings (WAV or FLAC, any rate).

    The longest recording of a speaker enrols, the others are tested. The figures printed, and stored in the file, come
    from speakers the fit did not see. Takes about 0.4 s per second of speech.

    \b
    Examples:
      voicebot voiceprint calibrate recordings --about "branch line, 2026" --out var/branch.json
      VOICEBOT_VOICEPRINT__CALIBRATION=var/branch.json voicebot dial ...
    """
    people = find_speakers(folder)
    encoder = joined_encoder(settings, threads=min(4, os.cpu_count() or 1))
    activity = choose_activity()
    progress = Progress(len(people))
    speakers: list[Speaker] = []
    for name in sorted(people):
        found = load_person(name, people[name], encoder, activity, settings.voiceprint, channel)
        if isinstance(found, str):
            click.echo(f"left out: {name}: {found}", err=True)
        else:
            for why in found.skipped:
                click.echo(f"skipped: {why}", err=True)
            speakers.append(as_speaker(found, found.windows, encoder, PARTS_S))
        progress.step("embedding")
    fitted = make_calibration(
        speakers,
        calibration_id=calibration_id,
        fitted_on=about or f"{len(speakers)} speakers of {folder.name}",
        date=datetime.now(UTC).date().isoformat(),
        data_hash=hash_files(folder, [f for files in people.values() for f in files]),
        as_norm=as_norm,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.touch()
    out.chmod(0o600 if as_norm else 0o644)  # a cohort is biometric data
    out.write_text(cal.dump(fitted), encoding="utf-8")
    for key, value in fitted.figures.items():
        click.echo(f"{key:>32}  {value:g}")
    click.echo(f"{fitted.speakers} speakers, {fitted.trials} trials; wrote {out}")
