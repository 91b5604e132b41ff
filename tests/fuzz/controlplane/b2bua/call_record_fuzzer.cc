// Any bytes as a journal record: refused or read, and what was read is written again as the same bytes.

#include <cstdlib>
#include <span>

#include "controlplane/b2bua/journal_record.h"
#include "controlplane/journal/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  const Bytes bytes(data, size);
  auto record = b2bua::decode_record(bytes, config::ControlPlane{});
  if (!record) return 0;
  static b2bua::ArchiveWriter writer(journal::kMaxContentBytes);
  if (!b2bua::encode_record({record->call, record->link}, writer)) return 0;
  auto again = b2bua::decode_record(writer.view(), config::ControlPlane{});
  if (!again) std::abort();
  return 0;
}
