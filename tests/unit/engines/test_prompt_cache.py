"""The prompt cache: keys, files, spoiled files, several askers, a failing engine."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from voicebot.engines.prompt_cache import PromptCache
from voicebot.errors import EngineError
from voicebot.media.wav import NAME, label_of, parse
from voicebot.model.audio import AudioFrame

SECRET = "Mr Smith owes 500"


class Speaker:
    """A synthesizer whose sound depends on its name and the text."""

    def __init__(self, name: str = "fake:1", delay: float = 0.0, fails: bool = False) -> None:
        self.name = name
        self.delay = delay
        self.fails = fails
        self.asked: list[str] = []

    def synthesize(self, text: str) -> AudioFrame:
        self.asked.append(text)
        time.sleep(self.delay)
        if self.fails:
            raise EngineError("cannot speak")
        return AudioFrame(bytes([len(text) % 100, 1]) * 2400, 24000)


def test_rendered_once_also_by_the_next_process(tmp_path: Path) -> None:
    speaker = Speaker()
    frame = PromptCache(speaker, tmp_path).get(SECRET)
    assert (frame.rate, frame.samples) == (8000, 800)
    again = PromptCache(speaker, tmp_path)
    assert again.is_ready(SECRET)
    assert again.get(SECRET) == again.get(SECRET) == frame
    assert speaker.asked == [SECRET]


def test_a_stored_prompt_says_that_it_is_synthetic(tmp_path: Path) -> None:
    frame = PromptCache(Speaker("heart:1"), tmp_path).get(SECRET)
    (file,) = tmp_path.iterdir()
    info, sound = parse(file.read_bytes())
    assert sound == frame.pcm16
    assert label_of(info)["Label"] == "1"
    assert label_of(info)["ContentProducer"] == "heart:1"
    assert "AI-generated speech" in info[NAME]


def test_the_key_is_everything_that_makes_the_sound(tmp_path: Path) -> None:
    PromptCache(Speaker("a:x1"), tmp_path).get("hello")
    assert not PromptCache(Speaker("a:x1.2"), tmp_path).is_ready("hello")
    assert not PromptCache(Speaker("a:x1"), tmp_path, rate=16000).is_ready("hello")
    assert not PromptCache(Speaker("a:x1"), tmp_path).is_ready("hello ")
    assert PromptCache(Speaker("a:x1"), tmp_path).is_ready("hello")


def test_nothing_readable_lies_on_disk(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    PromptCache(Speaker(), folder).get(SECRET)
    (file,) = folder.iterdir()
    assert len(file.stem) == 64
    assert b"Smith" not in file.read_bytes()
    assert folder.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [lambda b: b[:-2], lambda b: b"", lambda b: b[:-90] + b"??" + b[-88:]])
def test_a_spoiled_file_is_rendered_anew(tmp_path: Path, damage) -> None:
    speaker = Speaker()
    frame = PromptCache(speaker, tmp_path).get("hello")
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert PromptCache(speaker, tmp_path).get("hello") == frame
    assert len(speaker.asked) == 2
    assert PromptCache(speaker, tmp_path).get("hello") == frame
    assert len(speaker.asked) == 2, "the repaired file was not kept"


def test_several_who_ask_at_once_wait_for_one_rendering(tmp_path: Path) -> None:
    speaker = Speaker(delay=0.1)
    cache = PromptCache(speaker, tmp_path)
    with ThreadPoolExecutor(8) as pool:
        frames = list(pool.map(cache.get, ["hello"] * 8))
    assert len(set(frames)) == 1
    assert speaker.asked == ["hello"]


def test_an_engine_that_fails_fails_for_all_who_wait_and_is_asked_again(tmp_path: Path) -> None:
    speaker = Speaker(delay=0.1, fails=True)
    cache = PromptCache(speaker, tmp_path)
    failures: list[EngineError] = []

    def ask() -> None:
        try:
            cache.get("hello")
        except EngineError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5.0)
    assert len(failures) == 4
    speaker.fails = False
    assert cache.get("hello").samples == 800
    assert not list(tmp_path.glob("*.part"))


def test_the_folder_is_kept_small(tmp_path: Path) -> None:
    cache = PromptCache(Speaker(), tmp_path)
    for text in ("one", "three", "eleven!"):
        cache.get(text)
        time.sleep(0.02)
    size = next(tmp_path.iterdir()).stat().st_size
    newest = PromptCache(Speaker(), tmp_path, disk_bytes=2 * size)
    assert [newest.is_ready(t) for t in ("one", "three", "eleven!")] == [False, True, True]


def test_a_full_or_read_only_disk_costs_the_cache_not_the_call(tmp_path: Path, monkeypatch) -> None:
    cache = PromptCache(Speaker(), tmp_path)

    def full(**_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voicebot.engines.prompt_cache.tempfile.mkstemp", full)
    assert cache.get("hello").samples == 800
    assert list(tmp_path.iterdir()) == []
