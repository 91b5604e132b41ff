#pragma once

// Capture files as libpcap writes them (the classic format, pcap-savefile(5)), looked at before DPDK opens them: its
// driver ends the process, or says nothing, where a file is not as it should be.
//
//    0        4         8          16        20         24
//   +--------+---------+----------+---------+----------+-- then a record a frame:
//   | magic  | version | reserved | snaplen | linktype | seconds, fraction, bytes here, bytes on the wire (4 each),
//   frame
//   +--------+---------+----------+---------+----------+--

#include <cstdint>
#include <istream>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::io {

inline constexpr std::uint64_t kMaxCaptureFrames = 1U << 20U;  ///< each takes a buffer of the pool
inline constexpr std::uint32_t kMaxCaptureFrameBytes = 2048;   ///< what one buffer holds

/// Frames in the file. kMalformedInput: no capture, no Ethernet, a record cut short, or a frame or a number of them
/// beyond the bounds above.
Result<std::uint64_t> count_frames(std::istream& file);
/// The same of a path; kUnavailable when it cannot be read.
Result<std::uint64_t> count_frames(const std::string& path);

}  // namespace isthmus::io
