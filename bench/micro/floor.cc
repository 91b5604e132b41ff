#include "bench/micro/floor.h"

#include "bench/micro/cycles.h"
#include "dataplane/crypto/index_store.h"

namespace isthmus::bench {
namespace {

constexpr std::size_t kBuffers = 512;  // as PoolIo of the row has

}  // namespace

Floor::Floor(std::size_t sessions, std::size_t payload_octets, contract::SrtpSuite suite)
    : gcm_(contract::master_salt_bytes(suite) == 12),
      key_bytes_(contract::master_key_bytes(suite)),
      shared_(crypto::make_ipsec_mb_shared(std::move(*crypto::IndexStore::open(-1)))),
      engine_(crypto::make_ipsec_mb_engine(shared_)),
      bursts_(crypto::make_wide_manager(), crypto::make_narrow_manager()),
      jobs_(crypto::kMaxWork),
      open_(crypto::kMaxWork),
      close_(crypto::kMaxWork) {
  for (std::size_t i = 0; i < 4 * sessions; ++i) {
    contexts_.push_back(std::move(*engine_->make_context(key_of(suite, random_), {})));
  }
  for (std::size_t i = contexts_.size(); i > 1; --i) {
    std::swap(contexts_[i - 1], contexts_[random_.below(static_cast<std::uint32_t>(i))]);
  }
  buffers_.assign(kBuffers, std::vector<std::uint8_t>(12 + payload_octets + crypto::kMaxTrailerBytes));
  for (crypto::SrtpJob& job : jobs_) job.length = static_cast<std::uint16_t>(12 + payload_octets);
}

void Floor::prepare(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    jobs_[i].packet = buffers_[next_buffer_].data();
    next_buffer_ = (next_buffer_ + 1) % kBuffers;
    for (auto* work : {&open_[i], &close_[i]}) {
      work->job = &jobs_[i];
      work->context = static_cast<crypto::IpsecMbContext*>(contexts_[next_].get());
      work->half = work->context->rtp;
      work->clear_bytes = 12;
      work->cipher_bytes = static_cast<std::uint16_t>(jobs_[i].length - 12);
      work->hash_bytes = static_cast<std::uint16_t>(jobs_[i].length + 4);
      next_ = (next_ + 1) % contexts_.size();
    }
  }
}

std::uint64_t Floor::run(std::size_t count) {
  prepare(count);
  std::array<crypto::Work*, crypto::kMaxWork> in;
  std::array<crypto::Work*, crypto::kMaxWork> out;
  for (std::size_t i = 0; i < count; ++i) {
    in[i] = &open_[i];
    out[i] = &close_[i];
  }
  const std::uint64_t begin = tsc();
  for (std::size_t i = 0; i < count; ++i) {
    crypto::prefetch_keys(*open_[i].half);
    crypto::prefetch_keys(*close_[i].half);
  }
  if (gcm_) {
    bursts_.gcm({in.data(), count}, key_bytes_, crypto::Direction::kReceive);
    bursts_.gcm({out.data(), count}, key_bytes_, crypto::Direction::kSend);
  } else {
    bursts_.hash({in.data(), count});
    bursts_.cipher({in.data(), count}, key_bytes_);
    bursts_.cipher({out.data(), count}, key_bytes_);
    bursts_.hash({out.data(), count});
  }
  return tsc() - begin;
}

}  // namespace isthmus::bench
