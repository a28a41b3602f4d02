"""Names as other IDL tools take them; see portability.py."""

from __future__ import annotations

from .annotations import WITH_ARGUMENTS
from .cursor import RESERVED_WORDS
from .diagnostics import Diagnostics, Note
from .source import Span
from .syntax import Declaration, EnumDecl, Ident, Name, NameExpr, NamedType, SequenceType, TypedefDecl, TypeExpr
from .syntax import Member as MemberDecl

IDLC = "Cyclone DDS's idlc"
FOX = "Foxglove's omgidl-parser"
_OWN_NAMES = frozenset(("interface", "valuetype", "void", "exception"))  # words of IDL that idlc takes for names
# What each tool takes for a word: idlc in any case.
IDLC_WORDS = frozenset(word.lower() for word in RESERVED_WORDS - _OWN_NAMES)
FOX_WORDS = frozenset(("byte",))
# Those that idlc knows are hidden by what is called so in a module or a struct, not by what stands outside of all modules.
IDLC_ANNOTATIONS = WITH_ARGUMENTS - {"baton", "service"}


def report(span: Span, tool: str, problem: str, diagnostics: Diagnostics, *notes: Note) -> None:
    diagnostics.error(span, "not-portable", f"{tool} {problem}", *notes)


class Uses:
    """Which names a struct or union declares and uses, in this order: idlc finds a member that is called like the first word of
    a name, but for case, before what is meant, unless a struct or union of that word is the type of an earlier member."""

    def __init__(self, owner: Ident, diagnostics: Diagnostics) -> None:
        self._owner = owner
        self._diagnostics = diagnostics
        self._declared: dict[str, Ident] = {}
        self._known: set[str] = set()

    def add(self, name: Name, of_composite: bool = False) -> None:
        word = name.parts[0].text
        member = self._declared.get(word.lower())
        if member is not None and word.lower() not in self._known and not name.absolute:
            report(name.span, IDLC, f"takes '{word}' for the member '{member.text}'; rename the member", self._diagnostics,
                   Note(member.span, "it is here"))
        if of_composite:
            self._known.add(word.lower())

    def declare(self, member: Ident) -> None:
        if member.text.lower() == self._owner.text.lower():
            report(member.span, IDLC, f"takes the member '{member.text}' for '{self._owner.text}' itself; use another name",
                   self._diagnostics)
        self._declared.setdefault(member.text.lower(), member)


def names_of(declaration: Declaration) -> list[Ident]:
    if isinstance(declaration, TypedefDecl):
        return [declarator.name for declarator in declaration.declarators]
    if isinstance(declaration, EnumDecl):
        return [declaration.name, *(enumerator.name for enumerator in declaration.enumerators)]
    return [declaration.name] if declaration.name.text else []


def references(member: MemberDecl) -> list[Name]:
    """The names of types and constants in a member, in their order."""
    names: list[Name] = []

    def of_type(type_: TypeExpr) -> None:
        if isinstance(type_, NamedType):
            names.append(type_.name)
        elif isinstance(type_, SequenceType):
            of_type(type_.element)
        bound = getattr(type_, "bound", None)
        if isinstance(bound, NameExpr):
            names.append(bound.name)

    of_type(member.type)
    names += [extent.name for d in member.declarators for extent in d.extents if isinstance(extent, NameExpr)]
    return names
