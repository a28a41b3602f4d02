"""IDL that is right, as hypothesis makes it up: files of every construct, whose names meet one another as badly as they may."""

from dataclasses import dataclass

from hypothesis import strategies as st

_INTS = {f"{u}int{bits}": (0 if u else -(1 << (bits - 1)), (1 << (bits if u else bits - 1)) - 1)
         for u in ("", "u") for bits in (8, 16, 32, 64)}
_INTS |= {"octet": (0, 255), "short": _INTS["int16"], "unsigned long": _INTS["uint32"], "long long": _INTS["int64"]}
_SIZES = {"boolean": 1, "char": 1, "float": 4, "double": 8,
          **{name: (high - low + 1).bit_length() // 8 for name, (low, high) in _INTS.items()}}
_MEMBERS = ["a", "b", "x", "X", "y", "id", "value", "class", "kind", "Kind", "pose", "Pose", "m", "M", "_long", "_Union", "data",
            "byte", "tag", "Default", "key", "unit", "E0", "e0", "S1", "s1", "visit", "n", "m0", "M0", "ka", "KA"]
_TYPES = ["Pose", "Kind", "Shape", "Value", "N", "Byte", "M", "class", "_Struct", "Data"]
_TYPE_NAMES = ["Pose", "Kind", "M", "S1", "class"]  # those among them that a struct may have too
_TEXTS = ["", "m", "m/s", "Größe", "a b", "//", "/*", "漢"]
_ESCAPED = ['\\"', "\\\\", "\\n", "\\x41", "\\101"]
MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Type:
    """`text` names it everywhere. `kind`: scalar, string, enum, bitmask, array, sequence, struct, union or table; `scalar` is
    what a scalar is called in the end, and `number` what values are made of that have a range. `size` is at least what it takes
    in place. One that is not `fixed` is for tables alone."""

    text: str
    kind: str
    size: int
    scalar: str = ""
    names: tuple[str, ...] = ()  # of enumerators or flags
    keyed: bool = False
    members: tuple[str, ...] = ()  # of a struct that can be extended
    number: str = ""
    fixed: bool = True
    texts: bool = False  # has strings with defaults, which no table can have


class _File:
    def __init__(self, draw, module):
        self.draw = draw
        self.lines = []
        self.types = []
        self.counts = []  # constants that can be bounds: name, value
        self.modules = [module]
        self.taken = {module.lower(): {""}}
        self.number = 0

    # --- Names -------------------------------------------------------------------------------------------------------

    def flip(self, chances=2):
        return self.draw(st.integers(1, chances)) == 1

    def pick(self, pool):
        return self.draw(st.sampled_from(pool))

    def new(self, pool, letter):
        """A name that is new in the module, maybe but for its case."""
        taken = self.taken.setdefault("::".join(self.modules), set())
        name = self.pick(pool) if pool and self.flip(3) else f"{letter}{self.number}"
        while self.plain(name) in taken or f"{self.plain(name)}_" in taken or self.plain(name) in self.modules:
            self.number += 1
            name = f"{letter}{self.number}"
        taken.add(self.plain(name))
        return name

    @staticmethod
    def plain(name):
        return name.removeprefix("_")

    def qualified(self, name):
        return "::".join([*self.modules, self.plain(name)])

    def members(self, most=6, least=0, without=(), table=False):
        """In C++, a table has constants in capitals for its members; and flatc refuses one that is called like a struct."""
        known = (lambda name: self.plain(name).upper()) if table else self.plain
        taken = {known(name) for name in without}
        usable = [n for n in _MEMBERS if known(n) not in taken and not (table and n in _TYPE_NAMES)]
        return self.draw(st.lists(st.sampled_from(usable), unique_by=known, min_size=least, max_size=most))

    # --- Types -------------------------------------------------------------------------------------------------------

    def count(self, most=9):
        usable = [(name, value) for name, value in self.counts if value <= most]
        if usable and self.flip(4):
            return self.pick(usable)
        value = self.draw(st.integers(1, most))
        return self.pick([str(value), str(value), f"{value - 1} + 1", f"0x{value:X}"]), value

    def type(self, depth=0, table=False):
        what = self.draw(st.integers(0, 9))
        usable = [found for found in self.types if found.fixed or table]
        if what < 4 or depth > 2:
            name = self.pick(list(_SIZES))
            return Type(name, "scalar", _SIZES[name], name, number=name)
        if what == 4:
            if table and self.flip():
                return Type("string", "string", 4, fixed=False)
            text, value = self.count(40)
            return Type(f"string<{text}>", "string", value + 8)
        if what == 5 or (what < 8 and not usable):
            element = self.type(depth + 1, table)
            if table and self.flip():
                return Type(f"sequence<{element.text}>", "sequence", 4, number=element.number, fixed=False)
            text, value = self.count()
            return Type(f"sequence<{element.text}, {text}>", "sequence", element.size * value + 16, number=element.number,
                        fixed=element.fixed)
        if not usable:
            return self.type(depth + 1, table)
        found = self.pick(usable)
        return found if found.size < MOST_BYTES // 16 else self.type(3)

    def extents(self, type_):
        suffix, size = "", type_.size
        while size < MOST_BYTES // 64 and suffix.count("[") < 3 and self.flip(4):
            text, value = self.count(4)
            suffix += f"[{text}]"
            size *= value
        return suffix, size + 8

    # --- Declarations ------------------------------------------------------------------------------------------------

    def constant(self):
        name = self.new(["N", "COUNT"], "C")
        value = self.draw(st.integers(1, 9))
        expression = self.pick([str(value), f"({value} << 2) / 4", f"{value + 1} - 1", f"{value} & 0xFF", f"0{value}" if value < 8 else "9"])
        self.lines.append(f"const {self.pick(['uint32', 'octet', 'int64'])} {name} = {expression};")
        self.counts.append((self.qualified(name), value))

    def other_constant(self):
        name = self.new(["N"], "C")
        self.lines.append(self.pick([f"const double {name} = -1.5e3;", f"const boolean {name} = TRUE;", f"const char {name} = '\\x7f';",
                                     f'const string {name} = "a\\n" "b";', f"const string<9> {name} = \"Größe\";"]))

    def enum(self):
        bits = self.pick([None, None, 8, 16, 20, 32])
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if bits else (-(1 << 31), (1 << 31) - 1)
        name = self.new(_TYPES, "E")
        names = [self.new(["KA", "ka", "N"], "K") for _ in range(self.draw(st.integers(1, 4)))]
        parts, used, number = [], set(), 0
        default = self.draw(st.integers(-3, len(names) - 1))
        for index, word in enumerate(names):
            explicit = number in used or not low <= number <= high or self.flip(3)
            if explicit:
                small = self.flip()
                number = self.draw(st.integers(0, 20) if small else st.integers(low if self.flip(4) else 0, high))
                while number in used:
                    number = number + 1 if number < high else 0
            used.add(number)
            parts.append(("@default_literal " if index == default else "") + (f"@value({number}) " if explicit else "") + word)
            number += 1
        self.lines.append((f"@bit_bound({bits}) " if bits else "") + f"enum {name} {{ {', '.join(parts)} }};")
        self.types.append(Type(self.qualified(name), "enum", 4, names=tuple(self.plain(n) for n in names)))

    def bitmask(self):
        name = self.new(_TYPES, "B")
        bits = self.pick([None, 8, 12, 16, 64])
        names = [self.new([], "F") for _ in range(self.draw(st.integers(1, 4)))]
        positions = self.draw(st.lists(st.integers(0, (bits or 32) - 1), unique=True, min_size=len(names), max_size=len(names)))
        flags = ", ".join(f"@position({position}) {flag}" for position, flag in zip(positions, names))
        self.lines.append((f"@bit_bound({bits}) " if bits else "") + f"bitmask {name} {{ {flags} }};")
        self.types.append(Type(self.qualified(name), "bitmask", 8))

    def typedef(self):
        type_ = self.type(table=self.flip(4))
        name = self.new(_TYPES, "T")
        suffix, size = self.extents(type_)
        self.lines.append(f"typedef {type_.text} {name}{suffix};")
        kind = "array" if suffix else type_.kind
        element = type_ if kind != "array" else Type("", "", 0)
        self.types.append(Type(self.qualified(name), kind, size, element.scalar, element.names, element.keyed,
                               number=type_.number, fixed=type_.fixed))

    def struct(self, layout="fixed"):
        name = self.new(_TYPES, "S")
        table = layout == "table"
        bases = [t for t in self.types if t.kind in ("struct", "table") and t.members and t.size < MOST_BYTES // 16
                 and (t.fixed and not t.texts if table and t.kind == "struct" else table or t.fixed)]
        base = self.pick(bases) if bases and layout != "raw" and self.flip(5) else None
        if base and (len(base.members) > len(_MEMBERS) / 2 or table and not self.can_be_a_table(base.members)):
            base = None
        inherited = base.members if base else ()
        names = self.members(most=10 if table else 6, without=inherited, table=table)
        ids = self.draw(st.permutations(range(len(names)))) if names and not base and layout != "raw" and self.flip(4) else None
        lines, size, keyed, texts = [], base.size if base else 8, bool(base and base.keyed), bool(base and base.texts)
        for index, member in enumerate(names):
            type_ = self.type(table=table)
            suffix, own = self.extents(type_)
            if size + own > MOST_BYTES // 4:
                type_, suffix, own = Type("octet", "scalar", 1, "octet", number="octet"), "", 1
            hints = self.hints(type_, suffix, table)
            keyed |= "@key" in hints
            texts |= type_.kind == "string" and any(hint.startswith("@default") for hint in hints)
            hints += [f"@id({ids[index]})"] if ids else []
            lines.append(" ".join([*hints, type_.text, f"{member}{suffix};"]))
            size += own + 16
        if layout == "raw":
            plain = [t for t in self.types if t.size < 4096 and t.fixed] or [Type("octet", "scalar", 1)]
            lines.append(f"sequence<{self.pick(plain).text}> elements;")
        if self.flip(4) and not base:
            self.lines.append(f"struct {name};")
        marks = self.pick(["", "@final ", f'@topic(name="a/{self.plain(name)}{self.number}") '])
        marks = {"raw": '@baton(layout="raw") ', "table": '@baton(layout="table") ' + self.pick([marks, "@appendable "])}.get(
            layout, marks)
        extends = f" : {base.text}" if base else ""
        self.lines.append(f"{marks}struct {name}{extends} {{ {' '.join(lines)} }};")
        if layout != "raw":
            self.types.append(Type(self.qualified(name), "table" if table else "struct", 4 if table else size,
                                   keyed=keyed and not table, members=() if ids else (*inherited, *(self.plain(n) for n in names)),
                                   fixed=not table, texts=texts))

    @staticmethod
    def can_be_a_table(members):
        return len({name.upper() for name in members}) == len(members) and not {*members} & {*_TYPE_NAMES}

    def hints(self, type_, suffix, table=False):
        hints = [f'@unit("{self.pick(_TEXTS)}")'] if self.flip(5) else []
        if self.flip(6):
            return [*hints, "@optional", *self.range(type_)]
        bytes_ = type_.kind == "scalar" and type_.scalar in ("octet", "uint8", "int8")
        if self.flip(5) and ((not suffix and (type_.kind in ("scalar", "enum", "bitmask", "string") or type_.keyed)) or (suffix and bytes_)):
            hints.append("@key")
        if self.flip(3) and not suffix and type_.kind in (("scalar",) if table else ("scalar", "string")):
            default = self.default(type_)
            return [*hints, f"@default({default})"] if default else hints
        return [*hints, *self.range(type_)]

    def range(self, type_):
        """Of each number that the type is made of."""
        if not self.flip(3):
            return []
        if type_.number in _INTS:
            low, high = sorted(self.draw(st.lists(st.integers(*_INTS[type_.number]), min_size=2, max_size=2)))
            return [self.pick([f"@range(min={low}, max={high})", f"@min({low})", f"@max({high})"])]
        if type_.number in ("float", "double"):
            return [self.pick(["@range(min=-1.5, max=2)", "@min(-1e3)", "@max(0.25)"])]
        return []

    def default(self, type_):
        if type_.kind == "string":
            return self.pick(['""', '"a"', f'"{self.pick(_ESCAPED)}"'])
        if type_.scalar in _INTS:
            return str(self.draw(st.integers(*_INTS[type_.scalar])))
        return self.pick({"boolean": ["TRUE", "FALSE"], "char": ["'x'", "'\\''"]}.get(type_.scalar, ["1.5", "-2", "1e10", "-0.0"]))

    def union(self):
        tags = [t for t in self.types if t.kind == "enum"] + [Type(s, "scalar", 8, s) for s in ("boolean", "char", *_INTS)]
        tag = self.pick(tags)
        name = self.new(_TYPES, "U")
        names = self.members(4, 1, without=("tag", "visit", self.plain(name)))
        values = self.labels(tag, len(names) + self.draw(st.integers(0, 2)))
        cases = [[value] for value in values[:len(names)]]
        for value in values[len(names):]:
            self.pick(cases).append(value)
        rest = len(names) - len(cases)  # members for which there is no label
        default = not rest and self.flip(3) and not self.covered(tag, len(values))
        names = names[:len(cases)]
        lines, size = [], 0
        for index, (member, labels) in enumerate(zip(names, cases)):
            type_ = self.type()
            suffix, own = self.extents(type_)
            size = max(size, own)
            words = [f"case {label}:" for label in labels] + (["default:"] if default and index + 1 == len(names) else [])
            lines.append(" ".join([*words, *self.range(type_), type_.text, f"{member}{suffix};"]))
        self.lines.append(f"union {name} switch ({tag.text}) {{ {' '.join(lines)} }};")
        self.types.append(Type(self.qualified(name), "union", size + 24))

    def labels(self, tag, count):
        if tag.kind == "enum":
            return self.draw(st.permutations(tag.names))[:count]
        if tag.scalar == "boolean":
            return self.draw(st.permutations(["TRUE", "FALSE"]))[:count]
        if tag.scalar == "char":
            return self.draw(st.permutations(["'a'", "'\\''", "'\\xff'", "'Z'", "'\\n'", "'0'"]))[:count]
        low, high = _INTS[tag.scalar]
        near = st.integers(max(low, -3), 5)
        wide = st.integers(max(low, -(1 << 31)), min(high, (1 << 31) - 1))
        return [str(n) for n in self.draw(st.lists(near | wide, unique=True, min_size=count, max_size=count))]

    @staticmethod
    def covered(tag, count):
        return count >= {"enum": len(tag.names)}.get(tag.kind, 2 if tag.scalar == "boolean" else 1 << 8)

    def file(self, most):
        makers = [self.constant, self.other_constant, self.enum, self.enum, self.bitmask, self.typedef, self.typedef, self.struct,
                  self.struct, self.struct, self.union, self.union, lambda: self.struct("raw"),
                  *[lambda: self.struct("table")] * 3]
        self.lines.append(f"module {self.modules[0]} {{")
        for _ in range(self.draw(st.integers(1, most))):
            if len(self.modules) < 3 and self.flip(8):
                self.modules.append(self.new(["m", "M", "geo"], "m") if self.flip(2) else "inner")
                self.taken.setdefault("::".join(self.modules[:-1]), set()).add(self.modules[-1])
                self.lines.append(f"module {self.modules[-1]} {{")
                self.pick(makers)()
            elif len(self.modules) > 1 and self.flip(4):
                self.modules.pop()
                self.lines.append("};")
            else:
                self.pick(makers)()
        self.struct()
        self.lines += ["};"] * len(self.modules)
        return "\n".join(self.lines) + "\n"


@st.composite
def files(draw, module="m0", most=8):
    """The text of a file with one module."""
    return _File(draw, module).file(most)
