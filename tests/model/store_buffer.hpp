#pragma once

/// Memory as x86 has it (total store order): a plain or release store waits in its process's buffer, in order, until it
/// drains at some later time; its process sees it at once, everybody else only then. A sequentially consistent store, a
/// read-modify-write and a barrier drain the buffer first. Loads are never late, so acquire loads need nothing. (A
/// buffer of three is enough: nobody here stores more before it looks.)
///
/// What a killed process has in its buffer drains as well: the instructions before the kill were executed.

#include <array>
#include <cstddef>
#include <cstdint>

namespace baton::model {

struct StoreBuffer {
  struct Store {
    std::uint8_t word = 0;
    std::uint8_t value = 0;
  };
  std::array<Store, 3> stores{};  // the oldest first
  std::uint8_t count = 0;
};

template <std::size_t kWords>
struct Memory {
  std::array<std::uint8_t, kWords> words{};

  std::uint8_t load(const StoreBuffer& own, std::uint8_t word) const {
    for (std::uint8_t i = own.count; i > 0; --i) {
      if (own.stores[i - 1].word == word) return own.stores[i - 1].value;
    }
    return words[word];
  }

  void store_release(StoreBuffer& own, std::uint8_t word, std::uint8_t value) {
    if (own.count == own.stores.size()) drain_one(own);
    own.stores[own.count++] = {word, value};
  }

  void store_seq_cst(StoreBuffer& own, std::uint8_t word, std::uint8_t value) {
    drain(own);
    words[word] = value;
  }

  void drain(StoreBuffer& own) {
    while (own.count > 0) drain_one(own);
  }

  void drain_one(StoreBuffer& own) {
    words[own.stores[0].word] = own.stores[0].value;
    for (std::uint8_t i = 1; i < own.count; ++i) own.stores[i - 1] = own.stores[i];
    own.stores[--own.count] = {};
  }
};

}  // namespace baton::model
