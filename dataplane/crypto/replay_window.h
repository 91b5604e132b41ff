#pragma once

// Packet indices: which one a sequence number means (RFC 3711 3.3.1), and whether it has been used (3.3.2).
//
// A window is a ring of bits by index modulo its width, below the highest index. Advancing writes the highest index
// first and in one store, then clears the bits it passes. So a process may end between any two stores: what is left
// then calls some unused indices used, never the other way round, as long as restore_window() is called before it goes
// on.

#include <array>
#include <cstdint>

namespace isthmus::crypto {

inline constexpr std::uint64_t kWindowBits = 128;  ///< RFC 3711 3.3.2 asks for 64
inline constexpr std::uint64_t kMaxRtpIndex = (std::uint64_t{1} << 48U) - 1;
inline constexpr std::uint64_t kMaxRtcpIndex = (std::uint64_t{1} << 31U) - 1;

/// Stays as it is in memory that outlives the process.
struct ReplayWindow {
  static constexpr std::uint64_t kUsed = std::uint64_t{1} << 63U;

  std::uint64_t top = 0;  ///< highest index; kUsed: it has been used
  std::array<std::uint64_t, kWindowBits / 64> bits{};

  std::uint64_t highest() const { return top & ~kUsed; }
  bool empty() const { return (top & kUsed) == 0; }

  bool allows(std::uint64_t index) const {
    const std::uint64_t last = highest();
    if (index > last) return true;
    if (last - index >= kWindowBits) return false;
    return (bits[word(index)] & bit(index)) == 0;
  }

  /// `index` is allowed.
  void use(std::uint64_t index) {
    const std::uint64_t last = highest();
    if (index > last || empty()) {
      store(top, index > last ? index | kUsed : last | kUsed);
      if (index > last) clear(last, index);
    }
    bits[word(index)] |= bit(index);
  }

  /// After the process that wrote it has ended at any moment.
  void restore() {
    if (!empty()) bits[word(highest())] |= bit(highest());
  }
  /// Nothing at or below the highest index any more: what was sent and never noted as such.
  void close_below() { bits.fill(~std::uint64_t{0}); }

 private:
  static std::size_t word(std::uint64_t index) { return (index / 64) % (kWindowBits / 64); }
  static std::uint64_t bit(std::uint64_t index) { return std::uint64_t{1} << (index % 64); }
  static void store(std::uint64_t& to, std::uint64_t value) {
    __atomic_store_n(&to, value, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);  // the compiler keeps the order; the processor shows us our own
  }
  void clear(std::uint64_t last, std::uint64_t index) {
    if (index - last >= kWindowBits) {
      bits.fill(0);
      return;
    }
    for (std::uint64_t at = last + 1; at <= index; ++at) bits[word(at)] &= ~bit(at);
  }
};

/// RFC 3711 3.3.1 and appendix A: the index nearest to the highest one. Below half a cycle in all there is no turn to
/// look back to.
inline std::uint64_t estimate_index(std::uint64_t highest, std::uint16_t sequence) {
  constexpr std::uint64_t kHalf = 0x8000;
  if (highest <= kHalf) return sequence;
  const std::uint64_t turns = highest >> 16U;
  const std::uint64_t last = highest & 0xffffU;
  if (last < kHalf) return ((sequence > last + kHalf ? turns - 1 : turns) << 16U) | sequence;
  return ((last > sequence + kHalf ? turns + 1 : turns) << 16U) | sequence;
}

}  // namespace isthmus::crypto
