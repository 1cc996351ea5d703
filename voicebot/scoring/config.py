"""The thresholds of all formulas: one TOML file, one section a formula. An unknown key is an error.

Where the documents give no value, the defaults are those of the specification (docs/scoring.md has them in a table).
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from voicebot.errors import SettingsError
from voicebot.scoring.config_cases import (
    CaseSettings,
    CollectorSettings,
    ContactSettings,
    CooperationSettings,
    EmotionSettings,
    SaturationSettings,
)
from voicebot.scoring.config_risk import (
    EarlyWarningSettings,
    NumberSettings,
    PreLoanSettings,
    TagSettings,
    UnpaidSettings,
    WarningSettings,
)
from voicebot.scoring.config_section import Section


class ScoringSettings(Section):
    """All of it."""

    cases: CaseSettings = CaseSettings()
    contact: ContactSettings = ContactSettings()
    cooperation: CooperationSettings = CooperationSettings()
    emotion: EmotionSettings = EmotionSettings()
    saturation: SaturationSettings = SaturationSettings()
    collector: CollectorSettings = CollectorSettings()
    early_warning: EarlyWarningSettings = EarlyWarningSettings()
    tags: TagSettings = TagSettings()
    unpaid: UnpaidSettings = UnpaidSettings()
    warnings: WarningSettings = WarningSettings()
    numbers: NumberSettings = NumberSettings()
    pre_loan: PreLoanSettings = PreLoanSettings()


_EXAMPLE = "`voicebot score thresholds` prints an example"
#: Looked for in the working folder where no file is named.
FILE = Path("scoring.toml")


def load(path: Path | None = None, otherwise: ScoringSettings | None = None) -> ScoringSettings:
    """Read the TOML at `path` (None: scoring.toml of the working folder where it is there, else `otherwise`, else the
    defaults). Raises SettingsError naming every wrong key at once."""
    if path is None and not FILE.is_file():
        return otherwise or ScoringSettings()
    path = path or FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})", hint="give --thresholds FILE") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}", hint=_EXAMPLE) from None
    return read(text, str(path))


def read(text: str, name: str) -> ScoringSettings:
    """Thresholds as TOML. `name`: of where they are from. Raises SettingsError."""
    try:
        return ScoringSettings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: not TOML: {error}", hint=_EXAMPLE) from None
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(
            f"{name}: {len(lines)} wrong threshold(s)\n" + "\n".join(lines),
            hint="`voicebot score thresholds` prints all of them with their defaults",
        ) from None


def digest(settings: ScoringSettings) -> str:
    """Of all thresholds, whatever spaces and comments their file has: the first 16 hex digits of a SHA-256."""
    typed = read(as_toml(settings), "thresholds")  # a default may be 5 where a file's is 5.0
    return hashlib.sha256(as_toml(typed).encode()).hexdigest()[:16]


def changes(before: ScoringSettings, after: ScoringSettings) -> list[str]:
    """What differs, as `[contact] n1: 20 becomes 15`."""
    found = []
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        for key in type(old).model_fields:
            was, will = getattr(old, key), getattr(new, key)
            if was != will:
                found.append(f"[{name}] {key}: {was} becomes {will}")
    return found


def version(formula: str, *sections: BaseModel) -> str:
    """`formula` and a hash of the thresholds it is used with: another threshold is another version."""
    text = "\n".join(section.model_dump_json() for section in sections)
    return f"{formula}+{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def as_toml(settings: ScoringSettings) -> str:
    """All thresholds as a file that `load` reads."""
    parts = []
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        lines = [f"[{name}]"]
        for key in type(section).model_fields:
            value = getattr(section, key)
            if value is not None:
                lines.append(f"{key} = {_toml(value)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
