"""batongen reads message types in IDL and writes the C++ headers that baton's programs include."""

__version__ = "0.1.0"
