"""Print the table of docs/licences.md of what our packages need in turn: the rest of requirements.lock.

Use: .venv/bin/python tools/licence_table.py, and put it below "What these need in turn". The licences are what the
installed packages say of themselves; NVIDIA's come in two lines.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
NVIDIA = re.compile(r"^(nvidia|cuda)-")


def names(file: str) -> list[str]:
    """Packages of a requirements file."""
    return REQUIREMENT.findall((ROOT / file).read_text(encoding="utf-8"))


def licence(package: str) -> str:
    """What the installed package says of itself."""
    try:
        found = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return "not installed here"
    said = {key: found.get_all(key) or [] for key in ("License-Expression", "License", "Classifier")}
    classifiers = [c.split("::")[-1].strip() for c in said["Classifier"] if c.startswith("License")]
    plain = [line for value in said["License"] for line in value.splitlines()]
    return next(iter([*said["License-Expression"], *plain, *classifiers]), "not said")


def table() -> str:
    """The table."""
    chosen = {name.lower() for name in names("requirements.in")}
    development = {name.lower() for name in names("requirements-dev.in")}
    rows = ["| package | licence | |", "| --- | --- | --- |"]
    for package in names("requirements.lock"):
        if package.lower() not in chosen and not NVIDIA.match(package):
            note = "checks the product, is no part of it" if package.lower() in development else ""
            rows.append(f"| `{package}` | {licence(package)} | {note} |")
    rows += [
        "| `nvidia-*` | NVIDIA's own licences, not open | come with torch's CUDA build; not with `make TORCH=cpu` |",
        "| `cuda-*` | Apache-2.0; `cuda-toolkit` says nothing | the same |",
    ]
    return "\n".join(rows).replace("|  |", "| |") + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
