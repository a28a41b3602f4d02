"""Resolves enums and bitmasks: the numbers of enumerators, the positions of flags."""

from __future__ import annotations

from . import annotations
from .annotations import Setting
from .diagnostics import Diagnostics, Note
from .model import Bitmask, Enum, Enumerator, Flag, QualifiedName
from .source import Span
from .syntax import BitmaskDecl, EnumDecl

_ENUM_BITS = 32
_BITMASK_BITS = 64


def resolve_enum(declaration: EnumDecl, name: QualifiedName, diagnostics: Diagnostics) -> Enum:
    settings = annotations.read(declaration.annotations, "enum", diagnostics)
    bound = _bit_bound(settings, _ENUM_BITS, "an enum", diagnostics)
    bits = _storage_bits(bound)
    # Without negative numbers n bits hold up to 2^n - 1, as far as the signed type of C++ goes.
    low, high = -(1 << (bound - 1)), min((1 << bound) - 1, (1 << (bits - 1)) - 1)
    enumerators: list[Enumerator] = []
    default: Enumerator | None = None
    default_span: Span | None = None
    by_number: dict[int, Enumerator] = {}
    number = 0
    for enumerator in declaration.enumerators:
        own = annotations.read(enumerator.annotations, "enumerator", diagnostics)
        span = enumerator.name.span
        if "value" in own:
            number, span = own["value"].value.data, own["value"].value_span
        if not low <= number <= high:
            diagnostics.error(span, "constant-overflow", f"the value {number} of '{enumerator.name.text}' does not fit "
                              f"{bound} bits, which hold {low} to {high}{_remedy(settings)}")
        resolved = Enumerator(enumerator.name.text, number, enumerator.doc, enumerator.name.span)
        if number in by_number:
            diagnostics.error(span, "duplicate-value", f"'{resolved.name}' has the value {number}, as has "
                              f"'{by_number[number].name}'", Note(by_number[number].span, "which is here"))
        by_number.setdefault(number, resolved)
        enumerators.append(resolved)
        if "default_literal" in own:
            if default is not None:
                diagnostics.error(own["default_literal"].span, "duplicate-annotation", "an enum has one default",
                                  Note(default_span, "the other one is here"))
            default, default_span = resolved, own["default_literal"].span
        number += 1
    default = default or (enumerators[0] if enumerators else None)
    return Enum(name, bits, tuple(enumerators), default, declaration.doc, declaration.name.span,
                "appendable" in settings)


def resolve_bitmask(declaration: BitmaskDecl, name: QualifiedName, diagnostics: Diagnostics) -> Bitmask:
    settings = annotations.read(declaration.annotations, "bitmask", diagnostics)
    annotations.ignore(settings, "appendable", "a bitmask is @final", diagnostics)
    bound = _bit_bound(settings, _BITMASK_BITS, "a bitmask", diagnostics)
    flags: list[Flag] = []
    by_position: dict[int, Flag] = {}
    position = 0
    for flag in declaration.flags:
        own = annotations.read(flag.annotations, "flag", diagnostics)
        span = flag.name.span
        if "position" in own:
            position, span = own["position"].value.data, own["position"].value_span
        if not 0 <= position < bound:
            diagnostics.error(span, "constant-overflow", f"the position {position} of '{flag.name.text}' is outside of "
                              f"{bound} bits, which are 0 to {bound - 1}{_remedy(settings)}")
        resolved = Flag(flag.name.text, min(max(position, 0), bound - 1), flag.doc, flag.name.span)
        if position in by_position:
            diagnostics.error(span, "duplicate-value", f"'{resolved.name}' has the position {position}, as has "
                              f"'{by_position[position].name}'", Note(by_position[position].span, "which is here"))
        by_position.setdefault(position, resolved)
        flags.append(resolved)
        position += 1
    return Bitmask(name, _storage_bits(bound), tuple(flags), declaration.doc, declaration.name.span)


def _bit_bound(settings: dict[str, Setting], most: int, what: str, diagnostics: Diagnostics) -> int:
    if "bit_bound" not in settings:
        return 32
    bound = settings["bit_bound"].value.data
    if 1 <= bound <= most:
        return bound
    diagnostics.error(settings["bit_bound"].value_span, "bound-out-of-range",
                      f"the bit bound of {what} is from 1 to {most}, not {bound}")
    return most


def _remedy(settings: dict[str, Setting]) -> str:
    return "; raise its @bit_bound" if "bit_bound" in settings else ""


def _storage_bits(bound: int) -> int:
    return next(bits for bits in (8, 16, 32, 64) if bound <= bits)
