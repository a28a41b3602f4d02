"""What C++ programmers write by habit, and what IDL has instead: the remedies that errors give."""

from __future__ import annotations

_INTEGERS = {f"{u}int{bits}_t": f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)}
_DID_YOU_MEAN = {
    "int": "int32", "uint": "uint32", "bool": "boolean", "size_t": "uint64", "float32": "float", "float64": "double",
    "uchar": "octet", "byte": "octet", "String": "string", **_INTEGERS,
    **dict.fromkeys(("vector", "list", "deque", "span", "set", "Sequence"), "sequence<T, N>"),
}
_USE = {
    **dict.fromkeys(("string", "string_view", "str"), "string<N>"),
    "array": "'T name[N]', or sequence<T, N> for up to N elements",
    "optional": "'@optional T name'", "variant": "a union",
    "bitset": "a bitmask, or an unsigned integer",
    **dict.fromkeys(("map", "unordered_map"), "a sequence of structs with a key and a value"),
    **dict.fromkeys(("unique_ptr", "shared_ptr"), "a struct; messages hold their members by value"),
}
_CONSTANTS = {"true": "TRUE", "false": "FALSE"}


def type_hint(name: str) -> str:
    """"; did you mean 'int32'?" for int, and the like; or nothing."""
    if name in _USE:
        return f"; use {_USE[name]}"
    return f"; did you mean '{_DID_YOU_MEAN[name]}'?" if name in _DID_YOU_MEAN else ""


def constant_hint(name: str) -> str:
    return f"; did you mean '{_CONSTANTS[name]}'?" if name in _CONSTANTS else ""
