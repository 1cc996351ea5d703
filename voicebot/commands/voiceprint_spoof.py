"""`voicebot voiceprint spoof`: how often the signs of a recording or a machine are wrong on one's own people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from voicebot.commands.voice_files import CHANNELS, frames_of, net_windows, read_recording
from voicebot.commands.voice_stress import Surroundings, spoil
from voicebot.commands.voiceprint_evaluate import Progress
from voicebot.commands.voiceprint_people import find_speakers
from voicebot.engines.choose import choose_activity
from voicebot.errors import VoicebotError
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import VoiceActivity
from voicebot.settings import Settings
from voicebot.voiceprint.figures import eer
from voicebot.voiceprint.sketch import Ints, peaks
from voicebot.voiceprint.spoof_features import COUNT, features
from voicebot.voiceprint.spoof_proof import Array, ReplayProof, call_scores, fit_detector, replay_share
from voicebot.voiceprint.stretches import Stretches
from voicebot.voiceprint.synthetic import Detector, dump_detector, load_detector

#: What a recording goes through before it is played again; twice that many seconds of silence end its last stretch.
CONDITIONS = ("mulaw2", "gsm", "opus12k", "loss5", "white15")
_END_S = 1.0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--synthetic", "machines", type=click.Path(path_type=Path, file_okay=False), help="One folder per engine."
)
@click.option("--fit", "out", type=click.Path(path_type=Path), help="Fit a detector of one's own and write it there.")
@click.option("--about", default="", help="What the recordings are; stored with a detector that is fitted.")
@click.option("--channel", type=click.Choice(CHANNELS), help="The speaker's, in files with two channels.")
@click.option("--json", "as_json", is_flag=True, help="Figures as JSON.")
@click.pass_obj
def spoof(
    settings: Settings,
    folder: Path,
    machines: Path | None,
    out: Path | None,
    about: str,
    channel: str | None,
    as_json: bool,
) -> None:
    """Measure the signs of a recording and of a machine on the people of FOLDER: one folder per speaker, two
    recordings or more of each (WAV or FLAC, any rate).

    Of a recording: how many of a person's recordings look like another one of theirs (false alarms), and how many are
    known when they are played again through codecs, loss and noise. Of a machine: how many recordings of people reach
    the limit, and with --synthetic how many of each engine's do. --fit makes a detector for one's own line: its figures
    are of people, and of engines, that it was not fitted with.

    \b
    Examples:
      voicebot voiceprint spoof recordings
      voicebot voiceprint spoof recordings --synthetic machines --fit var/synthetic.json
    """
    activity = choose_activity()
    people = _recordings(find_speakers(folder), channel)
    engines = _recordings(find_speakers(machines), channel) if machines is not None else {}
    progress = Progress(len(people) + len(engines))
    replay, moving, made = _measure(people, engines, activity, progress)
    if out is None:
        detector = load_detector(settings.voiceprint.synthetic_detector)
    else:
        now = datetime.now(UTC).date().isoformat()
        about = about or f"{len(people)} people of {folder.name}, {len(engines)} engines"
        detector = fit_detector(moving, made, detector_id=out.stem, about=about, date=now)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(dump_detector(detector), encoding="utf-8")
    figures = _figures(settings, replay, detector, moving, made)
    click.echo(json.dumps(figures, indent=2) if as_json else "\n".join(_lines(figures)))
    if out is not None:
        click.echo(f"wrote {out}; set voiceprint.synthetic_detector to it", err=as_json)


def _recordings(found: Mapping[str, Sequence[Path]], channel: str | None) -> dict[str, list[AudioFrame]]:
    people: dict[str, list[AudioFrame]] = {}
    for name, files in sorted(found.items()):
        for file in files:
            try:
                people.setdefault(name, []).append(read_recording(file, channel))
            except VoicebotError as error:
                click.echo(f"left out: {name}: {error}", err=True)
    return people


def _measure(
    people: Mapping[str, Sequence[AudioFrame]],
    engines: Mapping[str, Sequence[AudioFrame]],
    activity: VoiceActivity,
    progress: Progress,
) -> tuple[ReplayProof, dict[str, list[Array]], dict[str, list[Array]]]:
    again: list[float] = []
    played: dict[str, list[float]] = {name: [] for name in CONDITIONS}
    moving: dict[str, list[Array]] = {}
    for name, recordings in people.items():
        sketches = [_sketches(r, activity) for r in recordings]
        for n, sketch in enumerate(sketches):
            _note(again, replay_share(sketch, [s for i, s in enumerate(sketches) if i != n]))
        longest = max(recordings, key=lambda r: r.duration)
        for condition in CONDITIONS:
            _note(played[condition], replay_share(_sketches(_spoilt(longest, condition), activity), sketches))
        moving[name] = [_features(r, activity) for r in recordings]
        progress.step("measuring")
    made = {}
    for name, recordings in engines.items():
        made[name] = [_features(r, activity) for r in recordings]
        progress.step("measuring")
    proof = ReplayProof(np.array(again), {name: np.array(values) for name, values in played.items()})
    return proof, moving, made


def _note(values: list[float], share: float | None) -> None:
    if share is not None:
        values.append(share)


def _spoilt(recording: AudioFrame, condition: str) -> AudioFrame:
    sound = np.frombuffer(recording.pcm16, dtype=np.int16) / 32768.0
    loud = np.square(sound[np.abs(sound) > 0.1 * np.abs(sound).max(initial=0.0)])
    power = float(loud.mean()) if loud.size else 0.0
    return spoil(condition, recording, Surroundings(power, np.zeros(0), np.random.default_rng(1)))[0]


def _sketches(recording: AudioFrame, activity: VoiceActivity) -> list[Ints]:
    stream, stretches, found = activity.start(), Stretches(), []
    silence = bytes(2 * round(_END_S * recording.rate))
    for frame in frames_of(AudioFrame(recording.pcm16 + silence, recording.rate)):
        stretches.add(frame, stream.accept(frame))
        while (stretch := stretches.pop()) is not None:
            found.append(peaks(stretch))
    return found


def _features(recording: AudioFrame, activity: VoiceActivity) -> Array:
    rows = [features(w.audio.pcm16, w.audio.rate) for w in net_windows([recording], activity)]
    kept = [row for row in rows if row is not None]
    return np.array(kept) if kept else np.zeros((0, COUNT))


def _figures(
    settings: Settings,
    replay: ReplayProof,
    detector: Detector,
    moving: Mapping[str, Sequence[Array]],
    made: Mapping[str, Sequence[Array]],
) -> dict[str, object]:
    limit = detector.limit if settings.voiceprint.synthetic_limit is None else settings.voiceprint.synthetic_limit
    people = {name: call_scores(detector, recordings) for name, recordings in moving.items()}
    own = np.concatenate(list(people.values()))
    engines: dict[str, object] = {}
    for name, recordings in made.items():
        scores = call_scores(detector, recordings)
        if scores.size and own.size:
            rate = round(100 * eer(scores, own)[0], 1)
            engines[name] = {"recordings": scores.size, "found": _percent(scores >= limit), "eer": rate}
    at = settings.voiceprint.replay_limit
    return {
        "people": len(moving),
        "replay": {
            "limit": at,
            "recordings": int(replay.again.size),
            "false_alarms": round(100 * replay.false_alarms(at), 2),
            "highest": round(float(replay.again.max(initial=0.0)), 3),
            "found": {name: round(100 * share, 1) for name, share in replay.found(at).items()},
        },
        "synthetic": {
            "detector": detector.id,
            "limit": limit,
            "recordings": int(own.size),
            "false_alarms": _percent(own >= limit),
            "who": sorted(name for name, scores in people.items() if (scores >= limit).any()),
            "engines": engines,
            "unseen": dict(detector.figures),
        },
    }


def _percent(hits: np.ndarray) -> float:
    return round(100 * float(np.mean(hits)), 2) if hits.size else 0.0


def _lines(figures: Mapping[str, object]) -> list[str]:
    """key: value, a line each."""
    found: list[str] = []
    for key, value in figures.items():
        if isinstance(value, Mapping):
            found += [f"{key}.{line}" for line in _lines(value)] or [f"{key}: -"]
        else:
            found.append(f"{key}: {', '.join(map(str, value)) or '-' if isinstance(value, list) else value}")
    return found
