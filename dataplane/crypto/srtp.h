#pragma once

// SRTP and SRTCP on bursts. One call protects or unprotects packets of many sessions; the engine may sort them as it
// likes, since each job carries its own context and its own result. Engines: libsrtp2 (reference); others fit behind
// the same interface.
//
// A context is one direction of one endpoint under one master key. It is made and destroyed on the control thread and
// used by exactly one worker in between.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/contract/messages.h"

namespace isthmus::crypto {

inline constexpr std::size_t kMaxSsrcs = 64;       ///< per context; foreign SSRCs cannot evict ours (threat model B2)
inline constexpr std::size_t kReplayWindow = 128;  ///< packets, at least (RFC 3711 3.3.2 asks for 64)
/// Longest trailer: SRTCP index word, 16-byte GCM tag, MKI.
inline constexpr std::size_t kMaxTrailerBytes = 4 + 16 + contract::kMaxMkiBytes;

enum class SrtpResult : std::uint8_t {
  kOk,
  kAuthFailed,     ///< tag or MKI wrong, or too short to hold them
  kReplayed,       ///< index seen before, or older than the window; outgoing: the index would be used twice
  kKeyExpired,     ///< the key's packet limit is reached (RFC 3711 9.2)
  kSsrcTableFull,  ///< an SSRC more than kMaxSsrcs
  kNoRoom,         ///< the buffer has no room for the trailer
  kMalformed,      ///< no RTP or RTCP packet at all
};

class SrtpContext;

/// One packet. The caller fills all but `result`; the engine changes the packet in place and sets `length` and
/// `result`. After a failure the bytes of the packet are undefined.
struct SrtpJob {
  SrtpContext* context = nullptr;
  std::uint8_t* packet = nullptr;  ///< RTP or RTCP header
  std::uint16_t length = 0;
  std::uint16_t tailroom = 0;  ///< writable bytes behind packet + length
  bool rtcp = false;
  SrtpResult result = SrtpResult::kMalformed;
  std::uint8_t tag = 0;  ///< the caller's own, e.g. the packet's place in its burst
};

enum class Direction : std::uint8_t { kReceive, kSend };

/// How far a key has been used up.
struct KeyUse {
  std::uint64_t lifetime_packets = ~std::uint64_t{0};
  /// RTP or RTCP packets that may still come or go before one of them is kKeyExpired: what is left of the lifetime, or
  /// of the 2^48 indices of RTP or the 2^31 of SRTCP of the SSRC in use (RFC 3711 9.2).
  std::uint64_t packets_left = ~std::uint64_t{0};
};

class SrtpContext {
 public:
  virtual ~SrtpContext() = default;
  /// Its worker.
  virtual KeyUse use() const { return {}; }
};

struct SrtpContextOptions {
  Direction direction = Direction::kReceive;
  std::uint32_t send_ssrc = 0;  ///< kSend: the SSRC that goes out first; others are added as they are seen
  std::uint64_t owner = 0;  ///< of session, stream and side: under it and the key a restarted process finds its state
};

/// Where an SSRC that was sent by a process before has to go on.
struct SentSsrc {
  std::uint32_t ssrc = 0;
  std::uint16_t sequence = 0;   ///< of the last packet; its roll-over counter is remembered
  std::uint32_t timestamp = 0;  ///< of that packet
};

class SrtpEngine {
 public:
  virtual ~SrtpEngine() = default;

  virtual std::string_view name() const = 0;
  virtual bool supports(contract::SrtpSuite suite) const = 0;

  /// Control thread. kInvalidArgument for lengths that do not fit the suite or a suite this engine has not.
  virtual Result<std::unique_ptr<SrtpContext>> make_context(const contract::SrtpKey& key,
                                                            const SrtpContextOptions& options) = 0;

  /// Worker thread of the contexts. Jobs of one context keep their order.
  virtual void protect(std::span<SrtpJob> jobs) = 0;
  virtual void unprotect(std::span<SrtpJob> jobs) = 0;

  /// Worker thread: after a re-key `fresh` goes on with the roll-over counters of `old` (RFC 3711 3.3.1: a re-key does
  /// not reset them). Sent SSRCs go on exactly; received ones are taken by trial, since some peers reset.
  virtual void carry_over(SrtpContext& fresh, const SrtpContext& old) = 0;

  /// Control thread, before a worker has the context: what the process before this one sent last with it, if this
  /// engine remembers.
  virtual std::optional<SentSsrc> sent_before(const SrtpContext& /*context*/) const { return std::nullopt; }
};

class IndexStore;

/// The reference engine, always built. Its indices end with the process.
std::unique_ptr<SrtpEngine> make_libsrtp2_engine();

/// The fast one: multi-buffer AES and HMAC on whole bursts. An engine belongs to one thread, but for contexts: those of
/// one engine may be used with another one of the same store and arena. nullptr: this processor cannot carry it.
struct IpsecMbShared;
std::shared_ptr<IpsecMbShared> make_ipsec_mb_shared(std::unique_ptr<IndexStore> store);
std::unique_ptr<SrtpEngine> make_ipsec_mb_engine(std::shared_ptr<IpsecMbShared> shared);
/// Alone, with indices that end with the process.
std::unique_ptr<SrtpEngine> make_ipsec_mb_engine();

}  // namespace isthmus::crypto
