#pragma once

// PACSI NAL unit (RFC 6190 4.9) as [MS-H264PF] 2.2 uses it: it leads each layer of an access unit and carries private
// SEI messages with a length in front, without emulation prevention.
//
//   |F|NRI|   30    |R|I|   PRID    |N| DID |  QID  | TID |U|D|O| RR|X|Y|T|A|P|C|S|E| TL0PICIDX, IDRPICID if Y (24)
//   | DONC if T (16)| size 16 | NAL unit (SEI) | size 16 | ...

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/payload/h264.h"

namespace isthmus::payload {

inline constexpr std::size_t kMaxPacsiSeis = 8;

struct Pacsi {
  std::uint8_t ref_idc = 3;
  ScalableHeader scalable;
  std::optional<std::uint16_t> decoding_order;  ///< DONC
  std::array<Bytes, kMaxPacsiSeis> seis;        ///< NAL units, borrowed from what was read
  std::size_t sei_count = 0;

  void add(Bytes sei) { seis[sei_count++] = sei; }
};

/// Empty: not a PACSI, cut short, a size past the end, or more than kMaxPacsiSeis.
std::optional<Pacsi> read_pacsi(Bytes nal);
/// Its size; 0: no room, or a SEI of more than 65,535 bytes.
std::size_t write_pacsi(const Pacsi& pacsi, MutableBytes to);

}  // namespace isthmus::payload
