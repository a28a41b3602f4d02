"""Finds the type that a command line asks for: `--explain sensors::Imu`, `--idl Imu`."""

from __future__ import annotations

from .diagnostics import Diagnostics
from .model import Alias, Model, NamedPart, scoped, strip_alias, type_text


class NoSuchType(Exception):
    """The text says what there is instead."""


def find_type(name: str, model: Model) -> NamedPart:
    """A type by its full name, or by its last word if only one type has that."""
    types = {scoped(item.name): strip_alias(item) for file in model.files for item in file.items
             if isinstance(item, (NamedPart, Alias))}
    wanted = name.removeprefix("::")
    found = [wanted] if wanted in types else [full for full in types if full.rpartition("::")[2] == wanted]
    if len(found) > 1:
        raise NoSuchType(f"'{name}' is the name of several types; say which: {', '.join(sorted(found)[:10])}")
    if not found:
        pool = types if "::" in wanted else [full.rpartition("::")[2] for full in types]
        raise NoSuchType(f"there is no type '{name}' in these files{Diagnostics().suggestion(wanted, pool)}")
    type_ = types[found[0]]
    if not isinstance(type_, NamedPart):
        raise NoSuchType(f"'{name}' is another name for {type_text(type_)}")
    return type_
