"""What -W says about warnings: which are not wanted, and which count as errors. What comes later wins."""

from __future__ import annotations

from typing import Iterable

from .diagnostics import Diagnostics, NAMES, WARNINGS


class PolicyProblem(Exception):
    """An option that cannot be obeyed; the text says why."""


def severities(options: Iterable[str]) -> dict[str, str]:
    """By the name of each warning: warning, error or off. The options come without their -W."""
    wanted = dict.fromkeys(WARNINGS, True)
    fatal = dict.fromkeys(WARNINGS, False)
    for option in options:
        yes = not option.startswith("no-")
        word, _, name = option.removeprefix("no-").partition("=")
        if word == "error":
            for warning in [_known(name, option)] if name else WARNINGS:
                fatal[warning] = yes
                wanted[warning] |= yes and bool(name)
        else:
            for warning in WARNINGS if option.removeprefix("no-") == "all" else [_known(option.removeprefix("no-"), option)]:
                wanted[warning] = yes
    return {name: "off" if not wanted[name] else "error" if fatal[name] else "warning" for name in WARNINGS}


def _known(name: str, option: str) -> str:
    if name in WARNINGS:
        return name
    if name in NAMES:
        raise PolicyProblem(f"-W{option}: '{name}' is an error, not a warning")
    hint = Diagnostics().suggestion(name, (*WARNINGS, "all", "error"))
    raise PolicyProblem(f"-W{option}: there is no warning '{name}'{hint}")
