"""Breaks messages, and tells the path of what is wrong then."""

import random
from dataclasses import dataclass

from batongen.model import (Bitmask, Enum, Optional, Scalar, Sequence, String, Struct, Type, Union, all_members, flatten, is_fixed,
                            strip_alias)
from json_form import default_of, is_scalar, joined, limits, number_of, wrong_in


@dataclass
class Breaker:
    """Takes a message as `to_json` writes it, and does one thing to it that `from_json` has to refuse."""

    chance: random.Random

    def message(self, type_: Struct, value):
        return self.struct(type_, value)

    def choose(self, *ways):
        return self.chance.choice(ways)

    def value(self, type_: Type, about, value, may_be_null=False):
        """The broken value, and the path to what is wrong in it."""
        may_be_null |= isinstance(strip_alias(type_), Optional)
        while True:
            broken, path = self.any(type_, about, value)
            if broken is not None or not may_be_null:
                return broken, path

    def any(self, type_: Type, about, value):
        element, extents = flatten(type_)
        if extents:
            return self.array(element, extents, about, value)
        if isinstance(element, Scalar):
            return getattr(self, element.kind)(element, about), ""
        if isinstance(element, Enum):
            low, high = limits(element)
            return self.choose("no such value", low - 1, high + 1, 1.5, True, [], {}, None), ""
        if isinstance(element, Bitmask):
            most = limits(element)[1]
            return self.choose((["no such flag"], "[0]"), ([1, most + 1], "[1]"), ([-1], "[0]"), ([None], "[0]"), (most + 1, ""),
                               (-1, ""), ("x", ""), ({}, ""), (None, ""))
        if isinstance(element, String):
            long = [] if element.bound is None else [("a" * (element.bound + 1), ""), ("é" * (element.bound // 2 + 1), ""),
                                                     ([0] * (element.bound + 1), "")]
            return self.choose(*long, ([256], "[0]"), ([0, -1], "[1]"), (["a"], "[0]"), (5, ""), ({}, ""), (True, ""), (None, ""))
        if isinstance(element, Sequence):
            return self.sequence(element, about, value)
        if isinstance(element, Optional):
            inner = element.element
            if value is None and is_fixed(inner):
                value = default_of(inner)
                if wrong_in(inner, about, value, only_ranges=True) is not None:
                    return True, ""
            return self.value(inner, about, value, True)
        if isinstance(element, Union):
            return self.union(element, value)
        if value is None or self.chance.randrange(6) == 0:
            return self.choose(5, "x", [], True, None), ""
        return self.struct(element, value)

    def int(self, type_, about):
        ranged = [] if about is None or about.range is None else [
            *([] if about.range.low is None else [about.range.low.data - 1]),
            *([] if about.range.high is None else [about.range.high.data + 1])]
        return self.choose(type_.low - 1, type_.high + 1, str(type_.high + 1), 1.5, 1e300, "x", "", "1 ", "-", "0x1", None, True,
                           [], {}, *ranged, *ranged, *ranged)

    def float(self, type_, about):
        ranged = [] if about is None or about.range is None else ["NaN", *(
            [-1e30, "-Infinity"] if about.range.low is not None else []), *([1e30, "Infinity"] if about.range.high is not None else [])]
        large = [3.5e38, -3.4028236e38] if type_.size == 4 else []
        return self.choose("nan", "", "1", None, True, [], {}, *large, *ranged, *ranged)

    def bool(self, _type, _about):
        return self.choose(0, 1, "true", None, [], {})

    def char(self, _type, _about):
        return self.choose("", "ab", "é", 256, -1, 1.5, None, True, [], {})

    def sequence(self, type_, about, value):
        # How many there are is looked at first.
        long = [] if type_.bound is None or type_.bound > 1000 else [[None] * (type_.bound + 1)]
        if not value or self.chance.randrange(4) == 0:
            return self.choose(*long, *long, 5, "x", {}, True), ""
        return self.element(value, lambda each: self.value(type_.element, about, each))

    def element(self, value, broken):
        index = self.chance.randrange(len(value))
        inner, path = broken(value[index])
        return [*value[:index], inner, *value[index + 1:]], joined(f"[{index}]", path)

    def array(self, element, extents, about, value):
        if not isinstance(value, list) or self.chance.randrange(4) == 0:
            few = [None] * (extents[0] - 1)
            return self.choose(few, [*few, None, None], 5, "x", {}, True), ""
        if len(extents) == 1:
            return self.element(value, lambda each: self.value(element, about, each))
        return self.element(value, lambda each: self.array(element, extents[1:], about, each))

    def struct(self, type_, value):
        members = all_members(type_)
        if not members or self.chance.randrange(8) == 0:
            return {**value, "no_such_member": self.choose(1, None)}, ""
        member = self.chance.choice(members)
        inner, path = self.value(member.type, member, value[member.name], type_.is_table and not is_scalar(strip_alias(member.type)))
        return {**value, member.name: inner}, joined(member.name, path)

    def union(self, type_, value):
        case = next((case for case in type_.cases if value and case.member.name in value), type_.cases[0])
        name = case.member.name
        value = value or {}
        inner = value.get(name, default_of(case.member.type, case.member.default))
        if wrong_in(case.member.type, case.member, inner, only_ranges=True) is not None:
            return 5, ""
        others = [other.member.name for other in type_.cases if other is not case]
        foreign = [tag for other in type_.cases if other is not case for tag in [number_of(other.tag)]]
        is_bool = isinstance(strip_alias(type_.tag), Scalar) and strip_alias(type_.tag).kind == "bool"
        ways = [({}, ""), (5, ""), ([], ""), ("x", ""), (None, ""), ({"no_such_member": 1}, ""), ({"(tag)": None}, "(tag)"),
                ({"(tag)": 1 << 70}, "(tag)"), *(({name: inner, other: None}, "") for other in others),
                *(({name: inner, "(tag)": bool(tag) if is_bool else tag}, "") for tag in foreign)]
        if self.chance.randrange(2):
            return self.chance.choice(ways)
        broken, path = self.value(case.member.type, case.member, inner)
        return {**({"(tag)": value["(tag)"]} if name in value and "(tag)" in value else {}), name: broken}, joined(name, path)
