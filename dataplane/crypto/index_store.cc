#include "dataplane/crypto/index_store.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/base/random.h"

namespace isthmus::crypto {

struct alignas(64) IndexStore::Header {
  static constexpr std::uint64_t kMagic = 0x7864'6e69'7074'7273;  // "srtpindx"
  std::uint64_t magic = 0;
  std::uint32_t layout = 0;
  std::uint32_t slots = 0;
  std::uint32_t untouched = 1;          // places from here on were never taken
  std::array<std::uint8_t, 32> seed{};  // of the fingerprints
};

Result<std::unique_ptr<IndexStore>> IndexStore::open(int fd) {
  std::size_t bytes = kOwnBytes;
  if (fd >= 0) {
    struct stat file{};
    if (fstat(fd, &file) != 0) {
      return fail(ErrorKind::kUnavailable, std::string("cannot look at it: ") + std::strerror(errno),
                  "index-memory-fd");
    }
    bytes = static_cast<std::size_t>(file.st_size);
    if (bytes < 2 * sizeof(Header)) return fail(ErrorKind::kInvalidArgument, "has no room", "index-memory-fd");
  }
  const int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorKind::kExhausted, std::string("cannot map it: ") + std::strerror(errno), "index-memory-fd");
  }
  return std::unique_ptr<IndexStore>(new IndexStore({static_cast<std::uint8_t*>(memory), bytes}, fd >= 0));
}

void IndexStore::Free::operator()(std::uint32_t* places) const { std::free(places); }

IndexStore::IndexStore(std::span<std::uint8_t> memory, bool file) : memory_(memory) {
  constexpr std::size_t kMaxSlots = std::size_t{1} << 26U;
  constexpr std::size_t kBytes = sizeof(IndexSlot) + sizeof(std::uint64_t);
  count_ = static_cast<std::uint32_t>(std::min(memory.size() / kBytes, kMaxSlots));
  header_ = reinterpret_cast<Header*>(memory.data());
  slots_ = reinterpret_cast<IndexSlot*>(memory.data());
  begins_ = reinterpret_cast<std::uint64_t*>(slots_ + count_);
  next_.reset(static_cast<std::uint32_t*>(std::calloc(count_, sizeof(std::uint32_t))));  // pages as they are used
  if (next_ == nullptr) count_ = 0;
  const bool ours = header_->magic == Header::kMagic && header_->layout == kLayout && header_->slots == count_;
  ours ? find_orphans() : begin_anew(file);
}

IndexStore::~IndexStore() { munmap(memory_.data(), memory_.size()); }

void IndexStore::begin_anew(bool file) {
  if (file && madvise(memory_.data(), memory_.size(), MADV_REMOVE) != 0) wipe(memory_);
  *header_ = {};
  header_->layout = kLayout;
  header_->slots = count_;
  SystemRandom random;
  random.fill(header_->seed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  header_->magic = Header::kMagic;
}

void IndexStore::find_orphans() {
  const std::uint32_t behind_last = std::min(header_->untouched, count_);
  for (std::uint32_t i = 1; i < behind_last; ++i) {
    IndexSlot& slot = slots_[i];
    if (slot.fingerprint == 0 || !slot.used()) {
      slot.fingerprint = 0;
      give_back(i);
      continue;
    }
    std::uint32_t& first = orphans_[slot.fingerprint];
    next_[i] = first;
    first = i;
  }
}

std::uint64_t IndexStore::fingerprint(const contract::SrtpKey& key, bool send, std::uint64_t owner) const {
  std::vector<std::uint8_t> text;
  text.push_back(static_cast<std::uint8_t>(key.suite));
  text.push_back(send ? 1 : 0);
  for (unsigned i = 0; i < 8; ++i) text.push_back(static_cast<std::uint8_t>(owner >> (8 * i)));
  text.insert(text.end(), key.master_salt.view().begin(), key.master_salt.view().end());
  text.insert(text.end(), key.master_key.view().begin(), key.master_key.view().end());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned bytes = 0;
  HMAC(EVP_sha256(), header_->seed.data(), static_cast<int>(header_->seed.size()), text.data(), text.size(),
       digest.data(), &bytes);
  wipe(text);
  std::uint64_t name = 0;
  std::memcpy(&name, digest.data(), sizeof name);
  return name == 0 ? 1 : name;
}

void IndexStore::begin(const IndexSlot& slot, std::uint64_t index) {
  __atomic_store_n(&begins_[&slot - slots_], index, __ATOMIC_RELAXED);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);  // before the slot says that it has one
}

std::uint64_t IndexStore::used_up(const IndexSlot& slot) const {
  const std::uint64_t begin = begins_[&slot - slots_];
  if (slot.rtp.empty() || begin > slot.rtp.highest()) return 0;
  return slot.rtp.highest() - begin + 1;
}

std::uint32_t IndexStore::adopt(std::uint64_t fingerprint) {
  const auto found = orphans_.find(fingerprint);
  if (found == orphans_.end()) return 0;
  const std::uint32_t first = found->second;
  orphans_.erase(found);
  return first;
}

std::uint32_t IndexStore::take() {
  std::uint64_t head = free_.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(head) != 0) {
    const auto place = static_cast<std::uint32_t>(head);
    const std::uint32_t after = std::atomic_ref(next_[place]).load(std::memory_order_relaxed);
    const std::uint64_t wanted = (((head >> 32U) + 1) << 32U) | after;
    if (free_.compare_exchange_weak(head, wanted, std::memory_order_acquire)) return place;
  }
  const std::atomic_ref untouched(header_->untouched);
  std::uint32_t fresh = untouched.load(std::memory_order_relaxed);
  while (fresh < count_) {
    if (untouched.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed)) return fresh;
  }
  return 0;
}

void IndexStore::give_back(std::uint32_t first) {
  while (first != 0) {
    const std::uint32_t after = next_[first];
    std::atomic_ref(slots_[first].fingerprint).store(0, std::memory_order_relaxed);
    std::uint64_t head = free_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
      std::atomic_ref(next_[first]).store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
      wanted = (((head >> 32U) + 1) << 32U) | first;
    } while (!free_.compare_exchange_weak(head, wanted, std::memory_order_release));
    first = after;
  }
}

}  // namespace isthmus::crypto
