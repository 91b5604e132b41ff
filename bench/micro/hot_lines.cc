// Which cache lines of session state a packet touches. Session, pipeline and crypto are compiled by clang with a call
// in front of each load and store (SanitizerCoverage), memcpy stays a call; what ipsec-mb reads of keys is taken from
// the jobs it is handed. A program of its own, with output in the form of Google Benchmark's, so that bench/run reads
// it.

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "bench/micro/load.h"
#include "dataplane/crypto/ipsec_mb_context.h"
#include "dataplane/pipeline/pipeline.h"

namespace {

constexpr std::uintptr_t kLine = 64;

struct Block {
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
};

bool tracing = false;    // a packet is on its way
bool recording = false;  // sessions are being opened
std::vector<std::uintptr_t> touched;
std::vector<std::uintptr_t> keys;  // lines that the library was told to read
std::vector<Block> blocks;         // of the heap, while recording

void note(std::vector<std::uintptr_t>& lines, const void* at, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(at);
  for (std::uintptr_t line = begin / kLine; line <= (begin + bytes - 1) / kLine; ++line) lines.push_back(line * kLine);
}
void touch(const void* at, std::size_t bytes) {
  if (tracing && bytes > 0) note(touched, at, bytes);
}

void* take(std::size_t bytes, std::size_t alignment) {
  void* block = nullptr;
  if (posix_memalign(&block, std::max(alignment, sizeof(void*)), bytes) != 0) std::abort();
  if (recording) {
    recording = false;
    blocks.push_back({reinterpret_cast<std::uintptr_t>(block), bytes});
    recording = true;
  }
  return block;
}

}  // namespace

void* operator new(std::size_t bytes) { return take(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

extern "C" {
#define ISTHMUS_TOUCH(bytes)                                             \
  void __sanitizer_cov_load##bytes(const void* at) { touch(at, bytes); } \
  void __sanitizer_cov_store##bytes(const void* at) { touch(at, bytes); }
ISTHMUS_TOUCH(1)
ISTHMUS_TOUCH(2)
ISTHMUS_TOUCH(4)
ISTHMUS_TOUCH(8)
ISTHMUS_TOUCH(16)
#undef ISTHMUS_TOUCH
void __sanitizer_cov_trace_pc_guard(std::uint32_t*) {}
void __sanitizer_cov_trace_pc_guard_init(std::uint32_t*, std::uint32_t*) {}

void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
  touch(to, bytes);
  touch(from, bytes);
  return __real_memcpy(to, from, bytes);
}

decltype(IMB_MGR::submit_cipher_burst_nocheck) real_cipher = nullptr;
decltype(IMB_MGR::submit_hash_burst_nocheck) real_hash = nullptr;

std::uint32_t cipher_burst(IMB_MGR* manager, IMB_JOB* jobs, std::uint32_t count, IMB_CIPHER_MODE mode,
                           IMB_CIPHER_DIRECTION direction, IMB_KEY_SIZE_BYTES key_bytes) {
  const std::size_t rounds = static_cast<std::size_t>(key_bytes) / 4 + 7;
  for (std::uint32_t i = 0; tracing && i < count; ++i) note(keys, jobs[i].enc_keys, 16 * rounds);
  return real_cipher(manager, jobs, count, mode, direction, key_bytes);
}

std::uint32_t hash_burst(IMB_MGR* manager, IMB_JOB* jobs, std::uint32_t count, IMB_HASH_ALG algorithm) {
  for (std::uint32_t i = 0; tracing && i < count; ++i) {
    note(keys, jobs[i].u.HMAC._hashed_auth_key_xor_ipad, IMB_SHA1_DIGEST_SIZE_IN_BYTES);
    note(keys, jobs[i].u.HMAC._hashed_auth_key_xor_opad, IMB_SHA1_DIGEST_SIZE_IN_BYTES);
  }
  return real_hash(manager, jobs, count, algorithm);
}

// Single packets go to the narrow manager (kWideFrom).
void __real_init_mb_mgr_sse(IMB_MGR* manager);
void __wrap_init_mb_mgr_sse(IMB_MGR* manager) {
  __real_init_mb_mgr_sse(manager);
  real_cipher = std::exchange(manager->submit_cipher_burst_nocheck, cipher_burst);
  real_hash = std::exchange(manager->submit_hash_burst_nocheck, hash_burst);
}
}

// Only what the pipeline does with a packet, not what fills its burst.
void pipeline_run(isthmus::pipeline::Pipeline*, isthmus::io::Burst&, const isthmus::session::Time&) asm(
    "__real__ZN7isthmus8pipeline8Pipeline3runERNS_2io5BurstERKNS_7session4TimeE");
void traced_run(isthmus::pipeline::Pipeline*, isthmus::io::Burst&, const isthmus::session::Time&) asm(
    "__wrap__ZN7isthmus8pipeline8Pipeline3runERNS_2io5BurstERKNS_7session4TimeE");
void traced_run(isthmus::pipeline::Pipeline* pipeline, isthmus::io::Burst& burst, const isthmus::session::Time& now) {
  tracing = true;
  pipeline_run(pipeline, burst, now);
  tracing = false;
}

namespace isthmus::bench {
namespace {

/// Cache lines of packets. The rest of what they touch is the worker's, or the packet itself.
struct Lines {
  std::size_t legs = 0;
  std::size_t ports = 0;     ///< port -> leg
  std::size_t contexts = 0;  ///< of SRTP
  std::size_t indices = 0;   ///< roll-over counters and replay windows
  std::size_t keys = 0;      ///< salt, HMAC states, key schedules

  std::size_t state() const { return legs + ports + contexts + indices; }
};

const Block* block_of(std::uintptr_t line) {
  const auto behind = std::upper_bound(blocks.begin(), blocks.end(), line + kLine - 1,
                                       [](std::uintptr_t at, const Block& block) { return at < block.begin; });
  if (behind == blocks.begin()) return nullptr;
  const Block& block = *(behind - 1);
  return line < block.begin + block.bytes ? &block : nullptr;
}

class HotLines {
 public:
  explicit HotLines(const Load& load) {
    for (const session::LocalAddress& address : load.link.addresses) {
      port_table_bytes_ += ((address.last_port >> 1U) - (address.first_port >> 1U) + 1U) * sizeof(session::Leg*);
    }
    std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.begin < b.begin; });
  }

  /// What was touched since the last call.
  void count(Lines& lines) {
    sort_out(touched);
    sort_out(keys);
    for (const std::uintptr_t line : touched) {
      const Block* block = block_of(line);
      if (block == nullptr) continue;
      if (block->bytes >= sizeof(session::Stream) && block->bytes <= sizeof(session::Stream) + kLine) ++lines.legs;
      if (block->bytes == port_table_bytes_) ++lines.ports;
      if (block->bytes != sizeof(crypto::IpsecMbContext)) continue;
      ++lines.contexts;
      add_indices(*reinterpret_cast<const crypto::IpsecMbContext*>(block->begin), lines);
    }
    lines.keys += keys.size();
    touched.clear();
    keys.clear();
  }

 private:
  static void add_indices(const crypto::IpsecMbContext& context, Lines& lines) {
    const auto slot = reinterpret_cast<std::uintptr_t>(context.current);
    lines.indices += std::binary_search(touched.begin(), touched.end(), slot) ? 1 : 0;
  }
  static void sort_out(std::vector<std::uintptr_t>& lines) {
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  }

  std::size_t port_table_bytes_ = 0;
};

/// One by one, so that none profits from another one's lines. The mean, since few are alike in each detail.
Lines measure(const LoadOptions& options, std::size_t packets) {
  blocks.clear();
  recording = true;
  const auto load = std::make_unique<Load>(options);
  recording = false;
  HotLines hot(*load);
  for (std::size_t i = 0; i < 4 * packets; ++i) load->run(1);  // every flow is mapped
  touched.clear();
  keys.clear();
  Lines lines;
  for (std::size_t i = 0; i < packets; ++i) {
    load->run(1);
    hot.count(lines);
  }
  if (load->forwarded() != load->received()) std::exit(1);
  // Else it has not seen what it counts.
  if (lines.legs < packets || lines.ports < packets) std::exit(1);
  if (options.suite && (lines.contexts < packets || lines.indices < packets || lines.keys < packets)) std::exit(1);
  return lines;
}

double a_packet(std::size_t lines, std::size_t packets) {
  return static_cast<double>(lines) / static_cast<double>(packets);
}

}  // namespace
}  // namespace isthmus::bench

int main() {
  using namespace isthmus;
  constexpr std::size_t kPackets = 2048;  // one of each flow
  touched.reserve(std::size_t{1} << 20U);
  keys.reserve(std::size_t{1} << 20U);
  bench::LoadOptions options;
  const bench::Lines plain = bench::measure(options, kPackets);
  options.suite = contract::SrtpSuite::kAesCm128HmacSha1_80;
  const bench::Lines secured = bench::measure(options, kPackets);
  std::printf(R"({"benchmarks": [{"name": "micro.session", "hot_lines": %.3f},
 {"name": "micro.session.cm80", "hot_lines": %.3f, "leg.lines": %.3f, "context.lines": %.3f, "index.lines": %.3f,
  "port_table.lines": %.3f, "key.lines": %.3f}]}
)",
              bench::a_packet(plain.state(), kPackets), bench::a_packet(secured.state(), kPackets),
              bench::a_packet(secured.legs, kPackets), bench::a_packet(secured.contexts, kPackets),
              bench::a_packet(secured.indices, kPackets), bench::a_packet(secured.ports, kPackets),
              bench::a_packet(secured.keys, kPackets));
  return 0;
}
