#include "dataplane/crypto/ipsec_mb_bursts.h"

#include <algorithm>
#include <cstring>

#include "dataplane/base/secret.h"
#include "dataplane/crypto/packet_layout.h"

namespace isthmus::crypto {
namespace {

constexpr std::uint64_t kNeeded = IMB_FEATURE_SSE4_2 | IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

bool usable(IMB_MGR* manager) {
  if (manager == nullptr || (manager->features & kNeeded) != kNeeded) return false;
  return (manager->features & IMB_FEATURE_SELF_TEST) == 0 || (manager->features & IMB_FEATURE_SELF_TEST_PASS) != 0;
}

/// HMAC's two SHA-1 states (RFC 2104): the library has no call for them in 1.3.
void hmac_states(IMB_MGR* manager, const std::uint8_t* key, KeyHalf& half) {
  std::array<std::uint8_t, IMB_SHA1_BLOCK_SIZE> block{};
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = (i < 20 ? key[i] : 0) ^ 0x36U;
  IMB_SHA1_ONE_BLOCK(manager, block.data(), half.inner.data());
  for (auto& byte : block) byte ^= 0x36U ^ 0x5cU;
  IMB_SHA1_ONE_BLOCK(manager, block.data(), half.outer.data());
  wipe(block);
}

}  // namespace

ManagerPtr make_wide_manager() {
  ManagerPtr manager(alloc_mb_mgr(0));
  if (manager == nullptr) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &arch);
  // AVX2 hashes single packets slowest of all and has no wider lanes than that: SSE with SHA-NI is better there.
  if (arch != IMB_ARCH_AVX512) return make_narrow_manager();
  return usable(manager.get()) ? std::move(manager) : nullptr;
}

ManagerPtr make_narrow_manager() {
  ManagerPtr manager(alloc_mb_mgr(0));
  if (manager == nullptr) return nullptr;
  init_mb_mgr_sse(manager.get());
  return usable(manager.get()) ? std::move(manager) : nullptr;
}

std::size_t schedule_bytes(std::size_t key_bytes, bool gcm) {
  const std::size_t bytes = gcm ? sizeof(gcm_key_data) : 16 * (key_bytes == 16 ? 11U : 15U);
  return (bytes + 63) / 64 * 64;
}

Bursts::Bursts(ManagerPtr wide, ManagerPtr narrow) : wide_(std::move(wide)), narrow_(std::move(narrow)) {
  for (IMB_JOB& job : jobs_) {
    job.iv_len_in_bytes = 16;
    job.cipher_mode = IMB_CIPHER_CNTR;
    job.cipher_direction = IMB_DIR_ENCRYPT;
    job.hash_alg = IMB_AUTH_HMAC_SHA_1;
    job.auth_tag_output_len_in_bytes = kFullTagBytes;  // it takes 12 or 20
  }
}

void Bursts::cipher(std::span<Work* const> work, std::size_t key_bytes) {
  std::uint32_t count = 0;
  for (const Work* one : work) {
    if (one->cipher_bytes == 0) continue;
    IMB_JOB& job = jobs_[count++];
    job.enc_keys = one->half->schedule();
    job.dec_keys = job.enc_keys;
    job.key_len_in_bytes = key_bytes;
    job.src = one->job->packet;
    job.dst = one->job->packet + one->clear_bytes;
    job.cipher_start_src_offset_in_bytes = one->clear_bytes;
    job.msg_len_to_cipher_in_bytes = one->cipher_bytes;
    job.iv = one->iv.data();
  }
  if (count == 0) return;
  IMB_MGR* manager = count >= kWideFrom ? wide_.get() : narrow_.get();
  IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager, jobs_.data(), count, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                  static_cast<IMB_KEY_SIZE_BYTES>(key_bytes));
}

void Bursts::hash(std::span<Work* const> work) {
  for (std::size_t i = 0; i < work.size(); ++i) {
    const Work& one = *work[i];
    IMB_JOB& job = jobs_[i];
    job.src = one.job->packet;
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = one.hash_bytes;
    job.auth_tag_output = tags_[i].data();
    job.u.HMAC._hashed_auth_key_xor_ipad = reinterpret_cast<const std::uint8_t*>(one.half->inner.data());
    job.u.HMAC._hashed_auth_key_xor_opad = reinterpret_cast<const std::uint8_t*>(one.half->outer.data());
  }
  IMB_MGR* manager = work.size() >= kWideFrom ? wide_.get() : narrow_.get();
  IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs_.data(), static_cast<std::uint32_t>(work.size()), IMB_AUTH_HMAC_SHA_1);
}

void Bursts::gcm(std::span<Work* const> work, std::size_t key_bytes, Direction direction) {
  constexpr std::size_t kAhead = 6;
  const bool send = direction == Direction::kSend;
  const auto kernel =
      key_bytes == 16 ? (send ? wide_->gcm128_enc : wide_->gcm128_dec) : (send ? wide_->gcm256_enc : wide_->gcm256_dec);
  gcm_context_data context;
  const auto prefetch = [](const Work& one) { prefetch_powers(*one.half, one.cipher_bytes); };
  for (std::size_t i = 0; i < std::min(kAhead, work.size()); ++i) prefetch(*work[i]);
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (i + kAhead < work.size()) prefetch(*work[i + kAhead]);
    const Work& one = *work[i];
    const SrtpJob& job = *one.job;
    std::uint8_t* text = job.packet + one.clear_bytes;
    const std::uint8_t* aad = job.rtcp ? one.rtcp_aad.data() : job.packet;
    const std::size_t aad_bytes = job.rtcp ? one.rtcp_aad.size() : one.clear_bytes;
    kernel(reinterpret_cast<const gcm_key_data*>(one.half->schedule()), &context, text, text, one.cipher_bytes,
           one.iv.data(), aad, aad_bytes, send ? text + one.cipher_bytes : tags_[i].data(), kGcmTagBytes);
  }
}

void Bursts::expand(const std::uint8_t* cipher_key, std::size_t key_bytes, bool gcm, const std::uint8_t* auth_key,
                    KeyHalf& half) {
  if (gcm) {
    // The powers of the hash key are laid out for the manager's own kernels: the wide one does all of GCM.
    auto* key = reinterpret_cast<gcm_key_data*>(half.schedule());
    key_bytes == 16 ? IMB_AES128_GCM_PRE(wide_, cipher_key, key) : IMB_AES256_GCM_PRE(wide_, cipher_key, key);
    return;
  }
  alignas(16) std::array<std::uint8_t, 16 * 15> decrypt{};  // counter mode needs none; the call does
  switch (key_bytes) {
    case 16: IMB_AES_KEYEXP_128(wide_, cipher_key, half.schedule(), decrypt.data()); break;
    case 24: IMB_AES_KEYEXP_192(wide_, cipher_key, half.schedule(), decrypt.data()); break;
    default: IMB_AES_KEYEXP_256(wide_, cipher_key, half.schedule(), decrypt.data()); break;
  }
  wipe(decrypt);
  hmac_states(wide_.get(), auth_key, half);
}

}  // namespace isthmus::crypto
