#pragma once

// Canonical texts, taken apart. One may come from another process and be anything, so nothing about it is taken for
// granted: what cannot be read is skipped.

#include <string_view>
#include <vector>

namespace baton::canonical {

/// "  accel double[3] @8", "  id uint32 @0 key", "  circle geo::Circle @8 case 1, 2", "  title string #1 = 5 key", or
/// "  warning = 1".
struct Entry {
  std::string_view name;
  std::string_view type;   ///< of an enumerator: its value
  std::string_view place;  ///< the offset, or the number of a table's member
  std::string_view role;   ///< "key", the labels of a union's member, or the default of a table's
};

/// "struct sensors::Imu fixed size 72 align 8", "table sensors::Plan appendable", "enum sysmon::Level int32", "bitmask
/// sysmon::Access uint8", and what is indented.
struct Block {
  std::string_view kind;
  std::string_view name;
  std::string_view rest;
  std::vector<Entry> entries;
};

/// The views point into the text. The last block is the type itself, those before it are what it is made of.
std::vector<Block> parse(std::string_view text);

/// False for enums and bitmasks.
bool has_fields(std::string_view kind);

std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace baton::canonical
