"""Nothing is left open, and no file names a package registry by its address."""

from __future__ import annotations

import re

from tests.fitness.tree import files, name, python, text

#: In pieces, so that this file does not hold what it looks for.
MARKS = "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "x" + "fail", "pragma: no " + "cover"))
#: Catching a library's is right, raising our own is a hole.
LEFT = rf"\b(?:{MARKS}|{'raise Not' + 'Implemented'}(?:Error)?)\b"
SKIPS = re.compile(r"pytest\.(?:mark\.)?skip(?:if)?\(([^\n]*)")
REGISTRIES = "|".join(
    a + r"\." + b
    for a, b in (
        *(("pypi", "org"), ("python" + "hosted", "org"), ("registry", "npmjs"), ("npmjs", "org"), ("repo", "maven")),
        *(("repo1", "maven"), ("crates", "io"), ("deb", "debian"), ("proxy", "golang"), ("rubygems", "org")),
        *(("conda", "anaconda"), ("download", "pytorch")),
    )
)


def found(pattern: str, paths: tuple[object, ...] | list[object]) -> list[str]:
    """Places where the pattern stands."""
    places = []
    for path in files():
        if path in paths:
            for number, line in enumerate(text(path).splitlines(), 1):
                if re.search(pattern, line):
                    places.append(f"{name(path, number)}: {line.strip()[:80]}")
    return places


def test_nothing_is_left_open() -> None:
    assert not found(LEFT, python())


def test_only_data_that_is_absent_is_skipped() -> None:
    for path in python("tests"):
        for reason in SKIPS.findall(text(path)):
            assert "absent" in reason or "shared" in reason.lower(), f"{name(path)}: {reason}"


def test_no_package_registry_is_named_by_its_address() -> None:
    assert not found(REGISTRIES, list(files()))


def test_the_patterns_find_what_they_should() -> None:
    assert re.search(REGISTRIES, "https://files." + "python" + "hosted.org/x")
    assert re.search(LEFT, "# " + "TO" + "DO: later")
    assert re.search(LEFT, "    raise Not" + "ImplementedError")
    assert not re.search(LEFT, "except Not" + "ImplementedError:")
