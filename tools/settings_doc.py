"""Print docs/settings.md from the models of voicebot/settings.py.

Use: .venv/bin/python tools/settings_doc.py > docs/settings.md
A section's text is its model's docstring; a setting's text is the `#:` comment above it.
"""

import ast
import inspect
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from voicebot import settings

INTRO = """# Settings

One TOML file: `voicebot --settings FILE ...`, else `voicebot.toml` in the working folder, else the defaults below.
Every setting can also be given as an environment variable `VOICEBOT_<SECTION>__<KEY>`, which wins over the file
(`VOICEBOT_TELEPHONY__MAX_CALLS=20`). An unknown key is an error, and all wrong keys are named at once.

In a list of tables the place is said too, from 1: `VOICEBOT_FALLBACK_TRUNKS__1__PASSWORD`.

Units are in the names: `_s` seconds, `_ms` milliseconds, `_db` decibels. Relative paths are below the folder of the
settings file; `models`, `templates` and `flows` that are not there are taken from the project's folder.

```toml
# voicebot.toml: a trunk that wants registration, console on another port
[bank]
name = "Example Bank"
callback_number = "1 800 555 0100"

[telephony]
address = "192.0.2.10"
max_calls = 20

[trunk]
server = "sip.example.com:5060"
user = "1000"
register = true          # password: VOICEBOT_TRUNK__PASSWORD

[web]
port = 8090
```

*This page is made from `voicebot/settings.py` by `tools/settings_doc.py`; a test compares them.*
"""


def sections() -> list[tuple[str, type[BaseModel]]]:
    """Name and model of every section, in order."""
    found = []
    for name, field in settings.Settings.model_fields.items():
        if get_args(field.annotation) and get_args(field.annotation)[0] in [model for _, model in found]:
            continue  # a list of tables like one that stands above
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            raise TypeError(f"{name} is not a section")
        found.append((name, field.annotation))
    return found


def comments(model: type[BaseModel]) -> dict[str, str]:
    """The `#:` comments of a model's settings."""
    lines = inspect.getsource(model).splitlines()
    body = ast.parse("\n".join(lines)).body[0]
    found = {}
    for node in getattr(body, "body", []):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            above = node.lineno - 2
            text: list[str] = []
            while lines[above].strip().startswith("#:"):
                text.insert(0, lines[above].strip().removeprefix("#:").strip())
                above -= 1
            found[node.target.id] = " ".join(text)
    return found


WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def words(annotation: object) -> str:
    """A type in words."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in arguments)
    if get_origin(annotation) is tuple:
        inside = words(arguments[0])
        return f"list, each {inside}" if Ellipsis in arguments else f"two values, each a {inside}"
    return WORDS[annotation] if isinstance(annotation, type) else str(annotation)


def kind(field: FieldInfo) -> str:
    """The type with its limits."""
    limits = [f"{sign} {getattr(m, name)}" for m in field.metadata for name, sign in SIGNS.items() if hasattr(m, name)]
    limits += [f"pattern `{m.pattern}`" for m in field.metadata if getattr(m, "pattern", None)]
    return ", ".join([words(field.annotation), *limits]).replace("|", "\\|")


def default(field: FieldInfo) -> str:
    """The default as TOML would have it."""
    value = field.default
    if value is PydanticUndefined:
        return "(required)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{v}"' if isinstance(v, str) else str(v) for v in value) + "]`"
    return f'`"{value}"`' if isinstance(value, str | Path) else f"`{value}`"


def document() -> str:
    """The whole page."""
    parts = [INTRO]
    for name, model in sections():
        notes = comments(model)
        parts.append(f"## [{name}]\n\n{inspect.cleandoc(model.__doc__ or '')}\n")
        parts.append("| setting | default | kind | what it is |\n| --- | --- | --- | --- |")
        for attribute, field in model.model_fields.items():
            row = f"| `{field.alias or attribute}` | {default(field)} | {kind(field)} | {notes[attribute]} |"
            parts.append(row.replace("|  |", "| |"))
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
