"""Files and scenarios that the documents name as proof exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fitness.tree import ROOT, files, text

#: A path in code quotes below one of our folders.
PATH = re.compile(r"`((?:voicebot|storage|sip_sim|tests|tools|callflows|scripts_templates|docs|examples)/[\w./-]+)`")
SCENARIO = re.compile(r"`([a-z]+(?:_[a-z0-9]+)+)`")
#: Words with an underscore on those pages that are no scenario.
OTHER = frozenset(("spoof_risk", "transfer_policy"))
PAGES = [path for path in files() if path.suffix == ".md" and path.name != "design.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_named_exists(page: Path) -> None:
    assert not [named for named in PATH.findall(text(page)) if not (ROOT / named).exists()]


@pytest.mark.parametrize("page", ["docs/rfc_status.md", "docs/threat_model.md"])
def test_every_scenario_named_exists(page: str) -> None:
    folders = (ROOT / "sip_sim/scenarios", ROOT / "tests/calls/scenarios")
    known = {path.stem for folder in folders for path in folder.rglob("*.yaml")}
    named = {name for name in SCENARIO.findall(text(ROOT / page)) if name not in OTHER}
    assert named & known
    assert named <= known
