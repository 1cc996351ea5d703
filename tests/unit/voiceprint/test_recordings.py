"""Recordings and tables given to `voicebot enrol` and `voicebot voiceprint calibrate`: bad ones are all named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from voicebot.commands.enrol import enrol, read_table
from voicebot.commands.voice_files import RecordingError, read_recording
from voicebot.commands.voiceprint_people import find_speakers, hash_files, read_some
from voicebot.errors import PortfolioError, SettingsError
from voicebot.settings import PathSettings, Settings


def write(path: Path, channels: int = 1, rate: int = 44100, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(rate * seconds)) / rate
    tones = [0.5 * np.sin(2 * np.pi * 300 * (i + 1) * t) for i in range(channels)]
    soundfile.write(path, np.stack(tones, axis=1), rate)
    return path


def loudest_hz(pcm16: bytes) -> float:
    samples = np.frombuffer(pcm16, np.int16).astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 8000 / len(samples))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_any_rate_becomes_the_telephones(tmp_path: Path, name: str, rate: int) -> None:
    found = read_recording(write(tmp_path / name, rate=rate))
    assert found.rate == 8000
    assert found.duration == pytest.approx(0.5, abs=0.01)
    assert loudest_hz(found.pcm16) == pytest.approx(300, abs=5)


@pytest.mark.parametrize(("channel", "hz"), [("left", 300), ("right", 600)])
def test_one_channel_of_a_call(tmp_path: Path, channel: str, hz: float) -> None:
    found = read_recording(write(tmp_path / "call.wav", channels=2), channel)
    assert loudest_hz(found.pcm16) == pytest.approx(hz, abs=5)


def test_two_channels_need_a_choice(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"call\.wav: has 2 channels") as error:
        read_recording(write(tmp_path / "call.wav", channels=2))
    assert "--channel" in error.value.hint


@pytest.mark.parametrize("content", [None, b"", b"not a sound", b"RIFF\x00\x00\x00\x00WAVE"])
def test_no_sound_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.wav: cannot be read"):
        read_recording(path)


def test_table(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write(tmp_path / name)
    table = tmp_path / "voices.csv"
    table.write_text(f"\ufefffile,account\na.wav,A-1\nb.wav, A-2\n{tmp_path / 'c.wav'},A-1\n", encoding="utf-8")
    assert read_table(table) == {"A-1": [tmp_path / "a.wav", tmp_path / "c.wav"], "A-2": [tmp_path / "b.wav"]}


def test_bad_rows_are_all_named_with_their_line(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    table = tmp_path / "voices.csv"
    table.write_text("account,file\nA-1,a.wav\n,a.wav\nA-2,\nA-3,gone.wav\nA-4\n", encoding="utf-8")
    with pytest.raises(PortfolioError) as error:
        read_table(table)
    lines = [line.removeprefix(f"{table}:") for line in error.value.message.splitlines()]
    assert lines == ["3: account is empty", "4: file is empty", "5: gone.wav is not there", "6: file is empty"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "columns account and file"), ("account,sound\n", "columns account and file"), ("account,file\n", "no rows")],
)
def test_table_without_what_it_needs(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "voices.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(PortfolioError, match=message):
        read_table(table)


def test_table_that_is_no_text(tmp_path: Path) -> None:
    table = tmp_path / "voices.csv"
    table.write_bytes(b"\xff\xfe\x00account")
    with pytest.raises(PortfolioError, match="cannot be read"):
        read_table(table)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--account", "A-1"],
        ["--from", "a.wav"],
        ["--csv", "v.csv", "--account", "A-1"],
        ["--csv", "v.csv", "a.wav"],
    ],
)
def test_options_that_do_not_fit(arguments: list[str], tmp_path: Path) -> None:
    settings = Settings(paths=PathSettings(database=tmp_path / "bot.db"))
    result = CliRunner().invoke(enrol, arguments, obj=settings)
    assert result.exit_code == 2
    assert "--account" in result.output


def test_speakers_of_a_folder(tmp_path: Path) -> None:
    for name in ("ann/1.wav", "ann/2.flac", "bob/1.wav", "cid/notes.txt"):
        write(tmp_path / name) if name.endswith(("wav", "flac")) else (tmp_path / "cid").mkdir()
    found = find_speakers(tmp_path)
    assert list(found) == ["ann", "bob", "cid"]  # bob and cid are named later as left out, with the reason
    assert [f.name for f in found["ann"]] == ["1.wav", "2.flac"]
    assert found["cid"] == []


def test_what_a_desktop_leaves_behind_is_no_speaker_and_no_recording(tmp_path: Path) -> None:
    for name in (
        "ann/monday/1.wav",
        "ann/tuesday/2.MP3",
        "ann/._1.wav",
        "ann/.old/3.wav",
        "__MACOSX/ann/1.wav",
        "x.wav",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".git").mkdir()
    (tmp_path / "bob" / "3.wav").mkdir(parents=True)  # a folder of that name
    with pytest.raises(SettingsError, match="one speaker only") as error:
        find_speakers(tmp_path)
    assert str(tmp_path / "ann") in error.value.hint  # "ann" may be the folder of the speakers monday and tuesday
    write(tmp_path / "bob" / "1.wav")
    found = find_speakers(tmp_path)
    assert {name: [f.name for f in files] for name, files in found.items()} == {
        "ann": ["1.wav", "2.MP3"],
        "bob": ["1.wav"],
    }


def test_recordings_outside_of_speakers_folders_are_told(tmp_path: Path) -> None:
    write(tmp_path / "1.wav")
    with pytest.raises(SettingsError, match="1 recordings lie in no speaker's folder"):
        find_speakers(tmp_path)


@pytest.mark.parametrize(("name", "channel"), [("a.mp3", None), ("a.ogg", None), ("mono.wav", "right")])
def test_other_files_that_can_be_read(tmp_path: Path, name: str, channel: str | None) -> None:
    found = read_recording(write(tmp_path / name), channel)
    assert found.duration == pytest.approx(0.5, abs=0.06)
    assert loudest_hz(found.pcm16) == pytest.approx(300, abs=5)


@pytest.mark.parametrize("beside", [1.0, 0.001, 0.0])
def test_two_channels_that_hold_one_voice_need_no_choice(tmp_path: Path, beside: float) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(4000) / 8000)
    soundfile.write(tmp_path / "a.wav", np.stack([beside * tone, tone], axis=1), 8000)
    assert loudest_hz(read_recording(tmp_path / "a.wav").pcm16) == pytest.approx(300, abs=5)


def test_broken_numbers_and_empty_files_are_no_crash(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([np.nan, np.inf, -np.inf, 0.5] * 2000), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.zeros((0, 2)), 16000)
    (tmp_path / "c.flac").write_bytes(b"")
    assert read_recording(tmp_path / "a.wav", most_s=0.25).duration == pytest.approx(0.25)
    found, skipped = read_some([tmp_path / n for n in ("a.wav", "b.wav", "c.flac")], None)
    assert len(found) == 1
    assert skipped[0] == f"{tmp_path / 'b.wav'}: holds no sound"
    assert skipped[1].startswith(f"{tmp_path / 'c.flac'}: cannot be read")


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_folder_without_speakers(tmp_path: Path, folder: str) -> None:
    with pytest.raises(SettingsError) as error:
        find_speakers(tmp_path / folder)
    assert "speaker" in error.value.hint


def test_hash_knows_names_and_contents(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.wav"), write(tmp_path / "b.wav", seconds=0.25)]
    first = hash_files(tmp_path, files)
    assert first == hash_files(tmp_path, files[::-1])
    files[0].write_bytes(b"other")
    assert first != hash_files(tmp_path, files)
