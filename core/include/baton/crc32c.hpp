#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "baton/export.hpp"

namespace baton {
inline namespace v1 {

/// CRC-32C (Castagnoli): of "123456789" it is 0xE3069283. With the processor's instruction where there is one. Any
/// thread.
BATON_API std::uint32_t crc32c(std::span<const std::byte> bytes) noexcept;

namespace detail {
/// The same without the instruction.
BATON_API std::uint32_t crc32c_by_table(std::span<const std::byte> bytes) noexcept;
}  // namespace detail

}  // namespace v1
}  // namespace baton
