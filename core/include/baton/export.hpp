#pragma once

/// Marks the symbols of baton's binary interface. Everything else is hidden, in the static library too, so that two
/// copies of baton in one process never see each other's internals.
#define BATON_API [[gnu::visibility("default")]]
