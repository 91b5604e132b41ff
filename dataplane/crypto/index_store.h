#pragma once

// SRTP index state of all contexts of a process, one cache line an SSRC, in memory that may outlive the process: the
// supervisor's memory file, or pages of our own. The worker that owns a context writes its lines in place, before a
// packet leaves, so a process that is killed at any moment leaves them right; the next one finds them by fingerprint.
//
// Beside the lines, and not touched by packets, stands the index that each SSRC began with under its key: how far a key
// is used up (RFC 3711 9.2) follows from both after a restart.
//
// A fingerprint is a keyed digest of key, suite, direction and owner (session, stream, side): it names, it tells
// nothing of the key. The file holds no keys.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "dataplane/base/result.h"
#include "dataplane/contract/messages.h"
#include "dataplane/crypto/replay_window.h"

namespace isthmus::crypto {

/// One SSRC of one context. One writer: the context's worker (the control thread before and after it).
struct alignas(64) IndexSlot {
  std::uint64_t fingerprint = 0;  ///< 0: free. Written last when a slot is taken, first when it is given back
  std::uint32_t ssrc = 0;
  std::uint32_t timestamp = 0;  ///< of the last RTP packet sent
  ReplayWindow rtp;
  ReplayWindow rtcp;  ///< sent SRTCP: its top alone

  bool used() const { return rtp.top != 0 || rtcp.top != 0; }
};
static_assert(sizeof(IndexSlot) == 64);

class IndexStore {
 public:
  static constexpr std::uint32_t kLayout = 2;
  static constexpr std::size_t kOwnBytes = std::size_t{64} << 20U;  ///< address space; pages come as they are used

  /// Maps the file (it stays the caller's to close) and finds what a process before left in it. A file of another
  /// layout or size is begun anew. fd -1: pages of our own.
  static Result<std::unique_ptr<IndexStore>> open(int fd);
  ~IndexStore();
  IndexStore(const IndexStore&) = delete;
  IndexStore& operator=(const IndexStore&) = delete;

  /// Never 0. Control thread.
  std::uint64_t fingerprint(const contract::SrtpKey& key, bool send, std::uint64_t owner) const;
  /// Chain of slots that a process before left under this name; 0: none. It is the caller's from now on. Control
  /// thread.
  std::uint32_t adopt(std::uint64_t fingerprint);
  /// What adopt() gave, unused: the next context of that name has it.
  void disown(std::uint64_t fingerprint, std::uint32_t first) { orphans_[fingerprint] = first; }
  std::size_t orphans() const { return orphans_.size(); }

  /// Any thread, no lock. 0: all are taken.
  std::uint32_t take();
  /// The whole chain. Any thread.
  void give_back(std::uint32_t first);
  IndexSlot& slot(std::uint32_t place) { return slots_[place]; }
  /// Its first RTP packet under this key is about to be noted. Its worker.
  void begin(const IndexSlot& slot, std::uint64_t index);
  /// RTP indices from the first one to the highest, those that were lost on the way included: the sender has used them.
  std::uint64_t used_up(const IndexSlot& slot) const;
  /// Next slot of a context's chain; 0: none.
  std::uint32_t& next(std::uint32_t place) { return next_[place]; }

 private:
  struct Header;
  IndexStore(std::span<std::uint8_t> memory, bool file);
  void begin_anew(bool file);
  void find_orphans();

  std::span<std::uint8_t> memory_;
  Header* header_;
  IndexSlot* slots_;                 // the first one is not used
  std::uint64_t* begins_ = nullptr;  // by slot; means something once slot.rtp is not empty
  std::uint32_t count_;
  struct Free {
    void operator()(std::uint32_t* places) const;
  };
  std::unique_ptr<std::uint32_t[], Free> next_;  // of a chain, or of the free ones
  std::atomic<std::uint64_t> free_{0};           // first free place, count of changes above it
  std::unordered_map<std::uint64_t, std::uint32_t> orphans_;
};

}  // namespace isthmus::crypto
