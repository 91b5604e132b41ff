#include "dataplane/crypto/ipsec_mb_context.h"

#include <algorithm>
#include <atomic>

namespace isthmus::crypto {

IpsecMbContext::IpsecMbContext(std::shared_ptr<IpsecMbShared> owner, const contract::SrtpKey& key,
                               const SrtpContextOptions& options)
    : lifetime(key.lifetime_packets),
      key_bytes(static_cast<std::uint8_t>(key.master_key.size())),
      mki_bytes(static_cast<std::uint8_t>(key.mki.size())),
      shared(std::move(owner)),
      direction(options.direction) {
  std::copy(key.mki.begin(), key.mki.end(), mki.begin());
  fingerprint = shared->store->fingerprint(key, direction == Direction::kSend, options.owner);
  first = shared->store->adopt(fingerprint);
  adopted = first != 0;
  // What the process before left. It may have ended between any two stores.
  for (std::uint32_t at = first; at != 0; at = shared->store->next(at)) {
    IndexSlot& slot = shared->store->slot(at);
    slot.rtp.restore();
    slot.rtcp.restore();
    if (direction == Direction::kSend && !slot.rtp.empty()) slot.rtp.close_below();
    packets_before += shared->store->used_up(slot);
    ++ssrcs;
    if (current == nullptr || slot.ssrc == options.send_ssrc) current = &slot;
  }
  packets = packets_before;
}

IpsecMbContext::~IpsecMbContext() {
  // A session that could not be opened in the end may be tried again.
  if (shared->leave_indices) {
    // They stay as they are.
  } else if (adopted && packets == packets_before) {
    shared->store->disown(fingerprint, first);
  } else {
    shared->store->give_back(first);
  }
  if (!keys.empty()) shared->arena.give_back(keys);
}

IndexSlot* IpsecMbContext::search(std::uint32_t ssrc) {
  for (std::uint32_t at = first; at != 0; at = shared->store->next(at)) {
    IndexSlot& slot = shared->store->slot(at);
    if (slot.ssrc != ssrc) continue;
    current = &slot;
    return &slot;
  }
  return nullptr;
}

IndexSlot* IpsecMbContext::add(std::uint32_t ssrc) {
  if (ssrcs >= kMaxSsrcs) return nullptr;
  const std::uint32_t place = shared->store->take();
  if (place == 0) return nullptr;
  IndexSlot& slot = shared->store->slot(place);
  slot = {};
  slot.ssrc = ssrc;
  // At the end, so that places in the chain stay what they are.
  std::uint32_t* link = &first;
  while (*link != 0) link = &shared->store->next(*link);
  shared->store->next(place) = 0;
  *link = place;
  ++ssrcs;
  std::atomic_ref(slot.fingerprint).store(fingerprint, std::memory_order_release);
  current = &slot;
  return &slot;
}

void IpsecMbContext::carry_over(const IpsecMbContext& old) {
  for (std::uint32_t at = old.first; at != 0; at = shared->store->next(at)) {
    const IndexSlot& from = shared->store->slot(at);
    if (from.rtp.empty() || find(from.ssrc) != nullptr) continue;
    IndexSlot* to = add(from.ssrc);
    if (to == nullptr) return;
    to->rtp.top = from.rtp.highest();  // where it goes on; not used under this key
    to->timestamp = from.timestamp;
    if (direction == Direction::kReceive && from.rtp.highest() > 0xffff) {
      trials |= std::uint64_t{1} << place_of(*to);
      trial = true;
    }
  }
}

std::size_t IpsecMbContext::place_of(const IndexSlot& slot) const {
  std::size_t place = 0;
  for (std::uint32_t at = first; at != 0 && &shared->store->slot(at) != &slot; at = shared->store->next(at)) ++place;
  return place;
}

bool IpsecMbContext::on_trial(const IndexSlot& slot) const { return trial && ((trials >> place_of(slot)) & 1U) != 0; }

void IpsecMbContext::end_trial(const IndexSlot& slot) {
  trials &= ~(std::uint64_t{1} << place_of(slot));
  trial = trials != 0;
}

}  // namespace isthmus::crypto
