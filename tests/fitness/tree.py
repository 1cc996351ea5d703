"""The files of the project, for the fitness tests."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Folders of Python that we write.
CODE = ("voicebot", "storage", "sip_sim", "tests", "tools")


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that is, or would be, under version control."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(sorted({ROOT / name for name in names if name and (ROOT / name).is_file()}))


def text(path: Path) -> str:
    """What is in a text file; "" for sound and other bytes."""
    raw = path.read_bytes()
    return "" if b"\0" in raw else raw.decode("utf-8", "replace")


@functools.cache
def python(*folders: str) -> tuple[Path, ...]:
    """The Python files below these folders of the project (none given: all of ours)."""
    tops = [ROOT / folder for folder in folders or CODE]
    return tuple(path for path in files() if path.suffix == ".py" and any(path.is_relative_to(top) for top in tops))


@functools.cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name(path: Path, line: int | None = None) -> str:
    """How a finding names its place."""
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


@functools.cache
def documentation() -> str:
    """All documents in one text: the README and docs/, without the design that was there before."""
    documents = [path for path in files() if path.suffix == ".md" and path.name != "design.md"]
    return "\n".join(text(path) for path in documents)
