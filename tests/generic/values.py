"""Makes up messages: each as a pair, of what is sent, in one of the ways that `from_json` reads, and of what it becomes."""

import math
import random
import struct
from dataclasses import dataclass

from batongen.model import (Bitmask, Enum, Member, Optional, Scalar, Sequence, String, Struct, Type, Union, all_members, flatten,
                            strip_alias)
from json_form import (absent_of, as_float, default_of, in_range, limits, of_union, selected, shown,
                       shown_text, tags, wrong_in)

LEFT_OUT = object()
_FLOATS = [0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 1e16, 16777217.0, 123456789.0, -2.5, 0.25, math.inf, -math.inf, math.nan]
_EDGES = {4: [3.4028234663852886e38, -3.4028234663852886e38, 3.4028235e38, 1.1754943508222875e-38, 1e-45, -1e-45, 1e-46],
          8: [1.7976931348623157e308, -1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, -5e-324, 9007199254740993.0]}
_TEXTS = ["a", " ", '"', "\\", "/", "\0", "\n\r\t\b", "\x1f\x7f", "é", "漢", "\U0001f600", "\u2028", "\ufeff", "\U0010ffff"]
_BYTES = [b"\xff", b"\xfe\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x82"]


@dataclass
class Maker:
    """`strict`: values that `validate` accepts, of those that a program can set."""

    chance: random.Random
    budget: int = 300  # values all told
    strict: bool = False

    def flip(self, chances=2):
        return self.chance.randrange(chances) == 0

    def message(self, type_: Struct):
        return self.table(type_) if type_.is_table else self.members(type_, all_members(type_))

    def value(self, type_: Type, about: Member | None):
        """A pair. `about` is the member whose range holds for the numbers."""
        self.budget -= 1
        element, extents = flatten(type_)
        if extents:
            return self.array(element, extents, about)
        if isinstance(element, Scalar):
            return getattr(self, element.kind)(element, about)
        if isinstance(element, Enum):
            return self.enum(element)
        if isinstance(element, Bitmask):
            return self.flags(element)
        if isinstance(element, String):
            return self.text(element)
        if isinstance(element, Sequence):
            return self.sequence(element, about)
        if isinstance(element, Optional):
            return (None, None) if self.flip() else self.value(element.element, about)
        if isinstance(element, Union):
            return self.union(element)
        return self.table(element) if element.is_table else self.members(element, element.members)

    # --- Scalars -----------------------------------------------------------------------------------------------------

    def int(self, type_: Scalar, about):
        low, high = type_.low, type_.high
        if about is not None and about.range is not None:
            low = low if about.range.low is None else max(low, about.range.low.data)
            high = high if about.range.high is None else min(high, about.range.high.data)
        number = self.chance.choice([low, high, self.chance.randint(low, high), self.chance.randint(-9, 9), 1 << 53, (1 << 53) + 1])
        number = min(max(number, low), high)
        ways = [number, number, str(number), float(number) if abs(number) <= 1 << 53 else number]
        return self.chance.choice(ways), number

    def float(self, type_: Scalar, about):
        bits = self.chance.getrandbits(8 * type_.size).to_bytes(type_.size, "little")
        number = self.chance.choice([*_FLOATS, *_EDGES[type_.size], struct.unpack("<f" if type_.size == 4 else "<d", bits)[0],
                                     self.chance.uniform(-1.5, 2)])
        rounded = as_float(number) if type_.size == 4 else number
        if not in_range(about, rounded):
            end = about.range.low or about.range.high
            number = rounded = end.data
        whole = rounded == number and math.isfinite(number) and number == int(number) and abs(number) < 1 << 53
        sent = int(number) if whole and math.copysign(1, number) > 0 and self.flip() else number
        return shown(type_, sent), shown(type_, rounded)

    def bool(self, _type, _about):
        value = self.flip()
        return value, value

    def char(self, type_: Scalar, _about):
        number = self.chance.choice([0, 1, 0x1F, 0x20, 0x22, 0x5C, 0x61, 0x7E, 0x7F, 0x80, 0xFF, self.chance.randrange(256)])
        return chr(number) if number < 0x80 and self.flip() else number, shown(type_, number)

    def enum(self, type_: Enum):
        number = self.chance.choice(type_.enumerators).number
        if not self.strict and self.flip(6):
            number = self.chance.choice([*limits(type_), self.chance.randint(-9, 9)])
        expected = shown(type_, number)
        return self.chance.choice([expected, number, float(number)]), expected

    def flags(self, type_: Bitmask):
        number = self.chance.choice([0, type_.all, self.chance.getrandbits(type_.bits) & type_.all])
        if not self.strict and self.flip(4):
            number = self.chance.choice([(1 << type_.bits) - 1, self.chance.getrandbits(type_.bits)])
        expected = shown(type_, number)
        return self.chance.choice([expected, number, [*expected, *expected[:1]], [number]]), expected

    # --- What has parts ----------------------------------------------------------------------------------------------

    def text(self, type_: String):
        most = self.chance.choice([0, 1, 3, 12, 12]) if type_.bound is None or self.flip() else type_.bound
        most = most if type_.bound is None else min(most, type_.bound)
        data = b""
        pool = [text.encode() for text in _TEXTS] + (_BYTES if self.flip(5) else [])
        while len(data) < most:
            data += self.chance.choice([part for part in pool if len(data) + len(part) <= most])
        expected = shown_text(data)
        self.budget -= len(data) // 8
        return list(data) if self.flip(6) else expected, expected

    def sequence(self, type_: Sequence, about):
        most = 1000 if type_.bound is None else type_.bound
        count = min(most, self.chance.choice([0, 1, 2, most if most < 20 else 5, 3]))
        return self.several(type_.element, count if self.budget > 0 else min(count, 1), about)

    def several(self, element, count, about):
        pairs = [self.value(element, about) for _ in range(count)]
        return [sent for sent, _ in pairs], [expected for _, expected in pairs]

    def array(self, element, extents, about):
        if len(extents) == 1:
            return self.several(element, extents[0], about)
        pairs = [self.array(element, extents[1:], about) for _ in range(extents[0])]
        return [sent for sent, _ in pairs], [expected for _, expected in pairs]

    def members(self, struct_: Struct, members):
        return self.object((member.name, *self.member(struct_, member)) for member in members)

    def member(self, struct_, member):
        if self.flip(8) or self.budget < 0 and self.flip():
            default = [] if member is struct_.tail else default_of(member.type, member.default)
            if self.may_stand(member, default):
                return LEFT_OUT, default
        return self.value(member.type, member)

    def may_stand(self, member, value):
        """Zero may be out of a member's range, and `from_json` would not take it back."""
        return wrong_in(member.type, member, value, only_ranges=not self.strict) is None

    def object(self, triples):
        triples = list(triples)
        expected = {name: value for name, _, value in triples}
        self.chance.shuffle(triples)
        return {name: sent for name, sent, _ in triples if sent is not LEFT_OUT}, expected

    def table(self, type_: Struct):
        triples = []
        for member in type_.members:
            sent, value = self.value(member.type, member)
            absent = absent_of(member)
            if (self.budget < 0 and absent is None or self.flip(6)) and (absent is None or self.may_stand(member, absent)):
                sent, value = LEFT_OUT, absent
                if value is None and self.flip(3):
                    sent = None
            triples.append((member.name, sent, value))
        return self.object(triples)

    def union(self, type_: Union):
        tag_type = strip_alias(type_.tag)
        known = tags(type_)
        tag = self.chance.choice(known)
        if isinstance(tag_type, Scalar) and tag_type.kind == "bool":
            tag = tag if self.strict else self.chance.choice([0, 1])
        elif self.flip(5):
            low, high = (0, 255) if isinstance(tag_type, Scalar) and tag_type.kind == "char" else limits(tag_type)
            tag = self.chance.choice([low, high, self.chance.randint(low, high), max(low, self.chance.randint(-9, 9))])
        case = selected(type_, tag)
        if case is None and self.strict:
            tag = known[0]
            case = selected(type_, tag)
        if case is None:
            expected = of_union(type_, tag, None, None)
            return expected, expected
        sent, value = self.value(case.member.type, case.member)
        expected = of_union(type_, tag, case, value)
        if self.flip(6):
            value = default_of(case.member.type, case.member.default)
            if self.may_stand(case.member, value):
                return {"(tag)": self.tag(type_, tag)}, of_union(type_, tag, case, value)
        if "(tag)" in expected or self.flip(4):
            return self.chance.choice([{"(tag)": self.tag(type_, tag), case.member.name: sent},
                                       {case.member.name: sent, "(tag)": self.tag(type_, tag)}]), expected
        return {case.member.name: sent}, expected

    def tag(self, union, tag):
        type_ = strip_alias(union.tag)
        if isinstance(type_, Scalar) and type_.kind == "bool":
            return bool(tag)
        return self.chance.choice([shown(type_, tag), tag])
