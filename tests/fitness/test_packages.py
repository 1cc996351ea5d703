"""Every package we chose says why and under which licence; the lock has hashes and no address."""

from __future__ import annotations

import re
from importlib import metadata

from tests.fitness.tree import ROOT

REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def chosen() -> dict[str, str]:
    """Packages of requirements.in with their versions."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    return {m[1]: m[2] for line in lines if (m := REQUIREMENT.match(line))}


def locked() -> dict[str, list[str]]:
    """Packages of requirements.lock with the lines that follow each."""
    found: dict[str, list[str]] = {}
    last = ""
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if m := REQUIREMENT.match(line):
            last = m[1].lower().replace("_", "-")
            found[f"{last}=={m[2]}"] = []
        elif line.strip():
            found[next(reversed(found))].append(line.strip())
    return found


def test_every_package_is_pinned_and_stands_below_a_comment_that_says_why() -> None:
    above = ""
    for line in (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines():
        if not line:
            above = ""
        elif line.startswith("#"):
            above = line
        else:
            assert REQUIREMENT.match(line), f"not an exact pin: {line}"
            assert above, f"no comment above {line}"


def test_every_package_and_its_licence_stands_in_the_list_of_licences() -> None:
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    rows = {m[1].lower(): m[2] for m in re.finditer(r"^\| `([^`]+)` \| ([^|]+) \|", page, re.MULTILINE)}
    missing = [package for package in chosen() if package.lower() not in rows]
    assert not missing
    assert all(rows[package.lower()].strip() for package in chosen())


def test_every_locked_package_stands_in_the_list_of_licences() -> None:
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8").lower()
    packages = [package.split("==")[0] for package in locked()]
    listed = [p for p in packages if f"| `{p}` |" in page or p.startswith(("nvidia-", "cuda-"))]
    assert [p for p in packages if p not in listed] == [], "run tools/licence_table.py"
    assert "`nvidia-*`" in page


def test_what_is_loaded_only_where_configured_is_marked_as_gpl() -> None:
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    for package in ("pyVoIP", "piper-tts", "espeakng-loader"):
        row = next(line for line in page.splitlines() if line.startswith(f"| `{package}` |"))
        assert "GPL-3" in row
        assert re.search(r"only|lazily", row)


def test_the_chosen_versions_are_the_installed_and_the_locked_ones() -> None:
    lock = locked()
    for package, version in chosen().items():
        assert metadata.version(package) == version, package
        assert f"{package.lower().replace('_', '-')}=={version}" in lock, package


def test_the_lock_has_a_hash_for_every_line_and_no_address() -> None:
    lock = locked()
    assert len(lock) > 50
    for package, lines in lock.items():
        hashes = [line for line in lines if re.fullmatch(r"--hash=sha256:[0-9a-f]{64}( \\)?", line)]
        assert hashes, package
        assert hashes == lines, f"{package}: {set(lines) - set(hashes)}"
    whole = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", whole)
