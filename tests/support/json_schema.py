"""As much of JSON Schema (draft 2020-12) as our schemas use; a keyword it does not know is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

_TYPES: Final[Mapping[str, Callable[[object], bool]]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
_SAYS_NOTHING: Final = {"$schema", "$defs", "title", "description", "default", "examples"}


class _Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it: only true and false are booleans, 12:30 is text."""


_Core.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("bool", r"true|false|True|False", "tfTF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|", "~n"),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), list(_first))


def read_yaml(text: str) -> object:
    """The document as an editor with the schema sees it."""
    return yaml.load(text, Loader=_Core)


def problems(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, at: str = "$") -> list[str]:
    """What in `value` the schema does not allow; [] = valid."""
    whole = schema if root is None else root
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in _SAYS_NOTHING:
            continue
        if keyword == "$ref":
            found += problems(value, whole["$defs"][wanted.removeprefix("#/$defs/")], whole, at)
        elif keyword == "oneOf":
            fits = [not problems(value, one, whole, at) for one in wanted]
            found += [] if sum(fits) == 1 else [f"{at}: fits {sum(fits)} of the forms allowed: {value!r}"]
        elif keyword == "properties":
            for name in wanted.keys() & (value.keys() if isinstance(value, dict) else ()):
                found += problems(value[name], wanted[name], whole, f"{at}.{name}")
        elif keyword == "items":
            for index, item in enumerate(value if isinstance(value, list) else ()):
                found += problems(item, wanted, whole, f"{at}[{index}]")
        elif not _KEYWORDS[keyword](value, wanted, schema):
            found.append(f"{at}: {value!r} is not {keyword} {wanted!r}")
    return found


def _known_keys(value: object, allowed: object, schema: Mapping[str, Any]) -> bool:
    assert allowed is False
    return not isinstance(value, dict) or value.keys() <= schema["properties"].keys()


def _number(value: object) -> bool:
    return _TYPES["number"](value)


_KEYWORDS: Final[Mapping[str, Callable[[Any, Any, Mapping[str, Any]], bool]]] = {
    "type": lambda v, w, _: any(_TYPES[one](v) for one in ([w] if isinstance(w, str) else w)),
    "enum": lambda v, w, _: v in w,
    "const": lambda v, w, _: v == w,
    "required": lambda v, w, _: not isinstance(v, dict) or set(w) <= v.keys(),
    "additionalProperties": _known_keys,
    "minimum": lambda v, w, _: not _number(v) or v >= w,
    "maximum": lambda v, w, _: not _number(v) or v <= w,
    "minLength": lambda v, w, _: not isinstance(v, str) or len(v) >= w,
    "pattern": lambda v, w, _: not isinstance(v, str) or re.search(w, v) is not None,
}
