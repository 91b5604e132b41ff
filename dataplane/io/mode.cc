#include "dataplane/io/engine.h"

namespace isthmus::io {
namespace {

struct ModeName {
  Mode mode;
  std::string_view name;
};
constexpr ModeName kModeNames[] = {{Mode::kAuto, "auto"},          {Mode::kPci, "pci"},       {Mode::kAfXdp, "af_xdp"},
                                   {Mode::kAfPacket, "af_packet"}, {Mode::kSocket, "socket"}, {Mode::kPcap, "pcap"},
                                   {Mode::kRing, "ring"},          {Mode::kMemif, "memif"}};

}  // namespace

std::string_view to_string(Mode mode) {
  for (const ModeName& entry : kModeNames) {
    if (entry.mode == mode) return entry.name;
  }
  return "unknown";
}

Result<Mode> parse_mode(std::string_view text) {
  for (const ModeName& entry : kModeNames) {
    if (entry.name == text) return entry.mode;
  }
  return fail(ErrorKind::kInvalidArgument,
              "expected auto, pci, af_xdp, af_packet, socket, pcap, ring or memif, got '" + std::string(text) + "'",
              "io_mode");
}

}  // namespace isthmus::io
