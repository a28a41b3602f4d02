"""IDL as hypothesis makes it up: mostly right, wrong now and then, in ways that no one would think of."""

from hypothesis import strategies as st

_NAMES = ["A", "B", "C", "a", "b", "x", "y", "E", "m", "n", "K", "class", "_long", "std", "A_", "long", "F\N{LATIN SMALL LETTER E WITH ACUTE}"]
_SCALARS = ["boolean", "char", "octet", "float", "double", "short", "long", "long long", "unsigned short", "unsigned long",
            "unsigned long long", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)),
            "wchar", "long double", "any", "int", "void"]
_NUMBERS = ["0", "1", "2", "3", "7", "8", "64", "65", "255", "256", "0x10", "010", "09", "4294967296", "1e3", "1.5", ".5",
            "18446744073709551615", "18446744073709551616", "-1", "1e400", "0x", "TRUE", "'a'", "'\\n'", "\"s\"", "\"\\x41\""]
_OPERATORS = ["+", "-", "*", "/", "%", "<<", ">>", "|", "&", "^"]

name = st.sampled_from(_NAMES)
scoped = st.builds(lambda absolute, parts: ("::" if absolute else "") + "::".join(parts),
                   st.booleans(), st.lists(name, min_size=1, max_size=3))
comment = st.sampled_from(["", "", "", " ", "\n", "// c\n", "/* c */", "/// doc\n", "/** doc */", "///< doc\n", "\t"])


def _joined(*parts):
    """The parts, with blanks or comments between them."""
    parts = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.builds(lambda gaps, *texts: "".join(f"{text} {gap}" for text, gap in zip(texts, [*gaps, *[""] * len(texts)])),
                     st.lists(comment, max_size=len(parts)), *parts)


def _several(what, separator=" ", most=4, least=0):
    return st.lists(what, min_size=least, max_size=most).map(separator.join)


expression = st.recursive(
    st.sampled_from(_NUMBERS) | scoped,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(_OPERATORS), inner)
    | st.builds("{}{}".format, st.sampled_from(["-", "~", "+"]), inner)
    | st.builds("{} {} {}".format, inner, st.sampled_from(_OPERATORS), inner),
    max_leaves=5)
type_ = st.recursive(
    st.sampled_from(_SCALARS) | scoped | st.builds("string<{}>".format, expression) | st.just("string"),
    lambda inner: st.builds("sequence<{}, {}>".format, inner, expression) | st.builds("sequence<{}>".format, inner)
    | st.builds("map<{}, {}>".format, inner, inner),
    max_leaves=3)
annotation = st.builds(
    lambda name, arguments: f"@{name}" + ("" if arguments is None else f"({arguments})"),
    st.sampled_from(["topic", "key", "default", "final", "appendable", "mutable", "nested", "unit", "value", "bit_bound",
                     "default_literal", "baton", "optional", "range", "min", "max", "id", "position", "topik", "service"]),
    st.none() | _several(expression | st.builds("{}={}".format, st.sampled_from(["name", "value", "layout", "min", "max"]),
                                                expression), ", ", 2))
annotations = _several(annotation, most=2)
declarator = st.builds(lambda name, extents: name + "".join(f"[{extent}]" for extent in extents),
                       name, st.lists(expression, max_size=2))
member = _joined(annotations, type_, _several(declarator, ", ", 2, 1), ";")
enumerators = _several(_joined(annotations, name), ", ", 5)
case = _joined(_several(st.builds("case {}:".format, expression) | st.just("default:"), least=1, most=2), member)


def _declarations(inner):
    return (_joined(annotations, "module", name, "{", _several(inner, "\n"), "}", ";")
            | _joined(annotations, "struct", name, st.just("") | st.builds(": {}".format, scoped), "{",
                      _several(member | inner, "\n"), "}", ";"))


declaration = st.recursive(
    _joined(annotations, "struct", name, "{", _several(member, "\n"), "}", ";")
    | _joined(annotations, "enum", name, "{", enumerators, "}", ";")
    | _joined(annotations, "bitmask", name, "{", enumerators, "}", ";")
    | _joined(annotations, "union", name, "switch", "(", type_, ")", "{", _several(case, "\n"), "}", ";")
    | _joined("const", type_, name, "=", expression, ";")
    | _joined(annotations, "typedef", type_, _several(declarator, ", ", 2, 1), ";")
    | _joined(annotations, "struct", name, ";")
    | _joined("@service", "interface", name, "{", type_, name, "(", "in", type_, name, ")", ";", "}", ";"),
    _declarations, max_leaves=6)
directive = st.sampled_from([
    "#ifdef K", "#ifndef K", "#if defined(K)", "#if !defined(A) && defined(B)", "#elif defined A", "#else", "#endif",
    "#define K", "#define A 1", "#undef K", "#pragma once", "#pragma keylist A x", "#pragma keylist m::A a.b, x",
    "#include \"y.idl\"", "#include <x.idl>", "#if 1 > 0", "#error", "#"]).map("\n{}\n".format)
file = st.lists(declaration | directive | comment, max_size=6).map("\n".join)
