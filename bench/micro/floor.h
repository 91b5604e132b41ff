#pragma once

// The floor of a row with SRTP: ipsec-mb alone on the same packets, opened and closed as bursts, with ready-made jobs
// and nothing else: no index, no window, no header, no compare.

#include <memory>
#include <vector>

#include "bench/micro/load.h"
#include "dataplane/crypto/ipsec_mb_bursts.h"

namespace isthmus::bench {

class Floor {
 public:
  /// Keys for `sessions` sessions both ways, each used in turn.
  Floor(std::size_t sessions, std::size_t payload_octets, contract::SrtpSuite suite);
  /// Cycles of opening and closing `count` packets.
  std::uint64_t run(std::size_t count);

 private:
  void prepare(std::size_t count);

  SeededRandom random_{7};
  bool gcm_;
  std::size_t key_bytes_;
  std::shared_ptr<crypto::IpsecMbShared> shared_;
  std::unique_ptr<crypto::SrtpEngine> engine_;
  crypto::Bursts bursts_;
  std::vector<std::unique_ptr<crypto::SrtpContext>> contexts_;  // two a flow: in, out
  std::vector<std::vector<std::uint8_t>> buffers_;
  std::vector<crypto::SrtpJob> jobs_;
  std::vector<crypto::Work> open_;
  std::vector<crypto::Work> close_;
  std::size_t next_ = 0;
  std::size_t next_buffer_ = 0;
};

}  // namespace isthmus::bench
