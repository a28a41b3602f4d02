"""Computes constant expressions and fits values to types."""

from __future__ import annotations

import struct
from typing import Callable

from .diagnostics import Diagnostics
from .model import Bitmask, Broken, Enum, FlagsValue, Scalar, String, Type, Value, scoped, strip_alias, type_text
from .source import Span
from .syntax import BadExpr, Binary, Expr, Literal, NameExpr, Unary

_LOW, _HIGH = -(1 << 63), (1 << 64) - 1  # of intermediate results: what int64 or uint64 can hold

KIND_TEXT = {"int": "an integer", "float": "a floating-point number", "bool": "a boolean", "char": "a character",
             "string": "a string", "enum": "an enumerator", "flags": "a value of a bitmask"}


class Evaluator:
    """`lookup` gives the value of a name, or None after reporting why there is none."""

    def __init__(self, lookup: Callable[[NameExpr], Value | None], diagnostics: Diagnostics) -> None:
        self._lookup = lookup
        self._diagnostics = diagnostics

    def value(self, expr: Expr, target: Type | None = None) -> Value | None:
        """`target` is the type of the constant: `~` depends on its width."""
        if isinstance(expr, Literal):
            return self._in_range(expr.value, expr.span) if expr.kind == "int" else Value(expr.kind, expr.value)
        if isinstance(expr, BadExpr):
            return None
        if isinstance(expr, NameExpr):
            return self._lookup(expr)
        if isinstance(expr, Unary):
            return self._unary(expr, target)
        return self._binary(expr, target)

    def _unary(self, expr: Unary, target: Type | None) -> Value | None:
        operand = self.value(expr.operand, target)
        if operand is None:
            return None
        if operand.kind == "float" and expr.op != "~":
            return Value("float", -operand.data if expr.op == "-" else operand.data)
        if operand.kind == "flags" and expr.op == "~":
            bitmask = operand.data.bitmask
            return Value("flags", FlagsValue(bitmask, "", bitmask.all & ~operand.data.mask))
        if operand.kind != "int":
            return self._wrong_operand(expr.op, operand, expr.operand.span)
        if expr.op == "~":
            scalar = strip_alias(target) if target is not None else None
            unsigned = isinstance(scalar, Scalar) and scalar.kind == "int" and scalar.low == 0
            return self._in_range((scalar.high if unsigned else -1) - operand.data, expr.span)
        return self._in_range(-operand.data if expr.op == "-" else operand.data, expr.span)

    def _binary(self, expr: Binary, target: Type | None) -> Value | None:
        left, right = self.value(expr.left, target), self.value(expr.right, target)
        if left is None or right is None:
            return None
        if left.kind == right.kind == "flags" and expr.op in "|&^":
            if left.data.bitmask is not right.data.bitmask:
                self._diagnostics.error(expr.span, "constant-type", f"'{expr.op}' takes flags of one bitmask, not of "
                                        f"{scoped(left.data.bitmask.name)} and {scoped(right.data.bitmask.name)}")
                return None
            mask = _integer(expr.op, left.data.mask, right.data.mask)
            return Value("flags", FlagsValue(left.data.bitmask, "", mask))
        for operand, side in ((left, expr.left), (right, expr.right)):
            if operand.kind not in ("int", "float") or (operand.kind == "float" and expr.op not in "+-*/"):
                return self._wrong_operand(expr.op, operand, side.span)
        if expr.op in "/%" and right.data == 0:
            self._diagnostics.error(expr.right.span, "division-by-zero", "division by zero")
            return None
        if expr.op in ("<<", ">>") and not 0 <= right.data <= 63:
            self._diagnostics.error(expr.right.span, "shift-out-of-range",
                                    f"a shift by {right.data}; it has to be from 0 to 63")
            return None
        if "float" in (left.kind, right.kind):
            return self._float(expr, float(left.data), float(right.data))
        result = _integer(expr.op, left.data, right.data)
        scalar = strip_alias(target) if target is not None else None
        if expr.op == "/" and result * right.data != left.data and isinstance(scalar, Scalar) and scalar.kind == "float":
            self._diagnostics.warning(expr.span, "inexact-division", f"{left.data} / {right.data} is {result}: integers "
                                      f"divide as in C++; for a {scalar.name} write {left.data}.0 / {right.data}")
        return self._in_range(result, expr.span)

    def _float(self, expr: Binary, left: float, right: float) -> Value | None:
        result = {"+": lambda: left + right, "-": lambda: left - right,
                  "*": lambda: left * right, "/": lambda: left / right}[expr.op]()
        if result != result or result in (float("inf"), -float("inf")):
            self._diagnostics.error(expr.span, "constant-overflow", "this expression does not fit a double")
            return None
        return Value("float", result)

    def _in_range(self, value: int, span: Span) -> Value | None:
        if _LOW <= value <= _HIGH:
            return Value("int", value)
        self._diagnostics.error(span, "constant-overflow", "this value does not fit 64 bits")
        return None

    def _wrong_operand(self, op: str, operand: Value, span: Span) -> None:
        self._diagnostics.error(span, "constant-type", f"{KIND_TEXT[operand.kind]} cannot be an operand of '{op}'")

    # --- Fitting -----------------------------------------------------------------------------------------------------

    def fit(self, value: Value, type_: Type, span: Span, name: str = "constant-type") -> Value | None:
        """The value as one of the type, or None after reporting under `name` that it is none."""
        type_ = strip_alias(type_)
        if isinstance(type_, Broken):
            return None
        if isinstance(type_, Enum):
            if value.kind == "enum" and value.data.enum is type_:
                return value
        elif isinstance(type_, Bitmask):
            if value.kind == "flags" and value.data.bitmask is type_:
                return value
        elif isinstance(type_, String):
            if value.kind == "string":
                if type_.bound is not None and len(value.data) > type_.bound:
                    self._diagnostics.error(span, "constant-overflow", f"this string has {len(value.data)} bytes, "
                                            f"{type_text(type_)} holds {type_.bound}")
                    return None
                return value
        elif isinstance(type_, Scalar):
            if type_.kind == value.kind:
                return self._fit_number(value, type_, span)
            if type_.kind == "float" and value.kind == "int":
                return self._fit_number(Value("float", float(value.data)), type_, span)
        found = f"{KIND_TEXT[value.kind]}"
        if value.kind == "enum":
            found = f"an enumerator of {scoped(value.data.enum.name)}"
        if value.kind == "flags":
            found = f"a value of the bitmask {scoped(value.data.bitmask.name)}"
        self._diagnostics.error(span, name, f"{found} is not a value of type '{type_text(type_)}'")
        return None

    def _fit_number(self, value: Value, type_: Scalar, span: Span) -> Value | None:
        if type_.kind == "int" and not type_.low <= value.data <= type_.high:
            self._diagnostics.error(span, "constant-overflow", f"{value.data} does not fit {type_.name}, which is from "
                                    f"{type_.low} to {type_.high}")
            return None
        if type_.name == "float":
            try:
                return Value("float", struct.unpack("<f", struct.pack("<f", value.data))[0])
            except OverflowError:
                self._diagnostics.error(span, "constant-overflow", f"{value.data!r} does not fit a float")
                return None
        return value


def _integer(op: str, left: int, right: int) -> int:
    if op == "/":  # towards zero, as in C++
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    if op == "%":
        remainder = abs(left) % abs(right)
        return -remainder if left < 0 else remainder
    return {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right,
            "<<": lambda: left << right, ">>": lambda: left >> right,
            "|": lambda: left | right, "&": lambda: left & right, "^": lambda: left ^ right}[op]()
