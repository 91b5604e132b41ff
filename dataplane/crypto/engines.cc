#include "dataplane/crypto/engines.h"

#include "dataplane/crypto/ipsec_mb_context.h"

namespace isthmus::crypto {

Result<Engines> Engines::open(EngineChoice choice, int index_memory_fd) {
  Engines engines;
  if (choice == EngineChoice::kLibsrtp2) return engines;
  auto store = IndexStore::open(index_memory_fd);
  if (!store) return forward_error(store);
  auto shared = make_ipsec_mb_shared(std::move(*store));
  if (make_ipsec_mb_engine(shared) != nullptr) {
    engines.shared_ = std::move(shared);
  } else if (choice == EngineChoice::kIpsecMb) {
    return fail(ErrorKind::kUnavailable, "this processor has no AES-NI and PCLMULQDQ, or failed the self-test",
                "srtp_engine");
  }
  return engines;
}

void Engines::leave_indices() const {
  if (shared_ != nullptr) shared_->leave_indices = true;
}

std::unique_ptr<SrtpEngine> Engines::make() const {
  return shared_ != nullptr ? make_ipsec_mb_engine(shared_) : make_libsrtp2_engine();
}

}  // namespace isthmus::crypto
