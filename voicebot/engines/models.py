"""The model folder: what is there, is it whole, and putting models into it.

A model is a folder models/NAME with a manifest.json that holds every file's size and sha256, written at install. A
quick check compares sizes (before each load), the full check hashes everything (`voicebot models check`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from voicebot.engines.catalogue import BY_NAME, CATALOGUE, ModelSpec
from voicebot.errors import ModelError

MANIFEST = "manifest.json"


class ModelState(StrEnum):
    """What a model folder is."""

    INSTALLED = "installed"
    MISSING = "missing"
    SPOILED = "spoiled"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model in one folder. `problem`: empty, or what is wrong with which file; `size`: bytes on disk."""

    spec: ModelSpec
    state: ModelState
    problem: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as the manifest has it."""

    sha256: str
    size: int


def spec_of(name: str) -> ModelSpec:
    """The catalogue's entry. Raises ModelError."""
    try:
        return BY_NAME[name]
    except KeyError:
        known = ", ".join(BY_NAME)
        raise ModelError(f"{name}: no such model in the catalogue", hint=f"the models are {known}") from None


def list_models(folder: Path) -> tuple[ModelStatus, ...]:
    """Every model of the catalogue, checked quickly (sizes)."""
    return tuple(status_of(folder, spec, quick_problem(folder / spec.name, spec)) for spec in CATALOGUE)


def check(folder: Path, name: str) -> ModelStatus:
    """One model, every file hashed. A whole folder that has no manifest (copied by hand) is given one."""
    spec = spec_of(name)
    path = folder / name
    if not path.is_dir():
        return status_of(folder, spec, None)
    problem = full_problem(path, spec)
    if not problem and not (path / MANIFEST).is_file():
        write_manifest(path, hash_files(path), "found in the folder")
    return status_of(folder, spec, problem)


def require(folder: Path, name: str) -> Path:
    """The model's folder, checked quickly, to load from. Raises ModelError naming the file and the repair."""
    path = folder / name
    spec = BY_NAME.get(name)
    if not path.is_dir():
        hint = f"run `voicebot models fetch {name}`" if spec else "put its folder there, or correct the setting"
        raise ModelError(f"{path}: the model is not installed", hint=hint)
    problem = quick_problem(path, spec)
    if problem:
        hint = f"run `voicebot models fetch {name}` to install it anew" if spec else "copy its folder there again"
        raise ModelError(f"{path / problem}", hint=hint)
    return path


def quick_problem(path: Path, spec: ModelSpec | None) -> str:
    """What is wrong by presence and size: "FILE: what", relative to the folder; "" where nothing is."""
    try:
        known = read_manifest(path)
    except ModelError as error:
        return error.message
    for name, record in (known or {}).items():
        file = path / name
        if not file.is_file():
            return f"{name}: missing"
        if file.stat().st_size != record.size:
            return f"{name}: {file.stat().st_size} bytes instead of {record.size}"
    for name in (*spec.must_have, *spec.files) if spec else ():
        if not (path / name).is_file():
            return f"{name}: missing"
    return ""


def full_problem(path: Path, spec: ModelSpec) -> str:
    """What is wrong by content: every file against the catalogue and the manifest; all problems, joined by "; "."""
    quick = quick_problem(path, spec)
    try:
        known = read_manifest(path) or {}
    except ModelError:
        return quick
    wanted = {**{name: record.sha256 for name, record in known.items()}, **spec.files}
    wrong = [
        f"{name}: its sha256 is not the expected one"
        for name, sha256 in wanted.items()
        if (path / name).is_file() and hash_file(path / name) != sha256
    ]
    return "; ".join([*([quick] if quick else []), *(w for w in wrong if w.split(":")[0] != quick.split(":")[0])])


def hash_file(path: Path) -> str:
    """sha256, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_files(path: Path) -> dict[str, FileRecord]:
    """Every file below `path` but the manifest."""
    return {
        file.relative_to(path).as_posix(): FileRecord(hash_file(file), file.stat().st_size)
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != MANIFEST
    }


def write_manifest(path: Path, files: dict[str, FileRecord], source: str) -> None:
    """Record what was installed, whole or not at all."""
    data = {"source": source, "files": {name: {"sha256": r.sha256, "size": r.size} for name, r in files.items()}}
    part = path / f"{MANIFEST}.part"
    part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    part.replace(path / MANIFEST)


def read_manifest(path: Path) -> dict[str, FileRecord] | None:
    """The manifest's files; None where there is none. Raises ModelError where it cannot be read."""
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return {str(k): FileRecord(str(v["sha256"]), int(v["size"])) for k, v in data["files"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{MANIFEST}: cannot be read ({type(error).__name__})") from error


def status_of(folder: Path, spec: ModelSpec, problem: str | None) -> ModelStatus:
    """The status, given what a check found wrong ("" or None: nothing)."""
    path = folder / spec.name
    if not path.is_dir():
        return ModelStatus(spec, ModelState.MISSING)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return ModelStatus(spec, ModelState.SPOILED if problem else ModelState.INSTALLED, problem or "", size)
