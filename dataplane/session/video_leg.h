#pragma once

// What the adapt stage knows of one direction of a video stream: the media received on a leg, on its way to the other
// one. Made by the control thread with the configuration, written by the worker only. Cold: streams that need nothing
// have none.

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/contract/messages.h"
#include "dataplane/io/burst.h"
#include "dataplane/payload/parameter_set.h"

namespace isthmus::session {

inline constexpr std::size_t kMaxHeldPackets = 16;  ///< of one picture, until its NAL units are counted
inline constexpr std::size_t kNumberHistory = 64;   ///< changes of numbering that late packets can look back
inline constexpr std::size_t kMaxStoredSets = 16;   ///< parameter sets, as many as the contract carries
inline constexpr std::size_t kMaxFragmentedBytes =
    1U << 20U;  ///< of one NAL unit in fragments; what comes after is refused
/// Pictures in a row of higher temporal layers: with four layers there are seven between two of the base layer.
inline constexpr std::size_t kMaxWithoutBase = 8;
inline constexpr std::size_t kSteadyPictures = 8;  ///< of one slice each, after which the next is expected to have one

struct StoredSet {
  std::uint8_t type = 0;  ///< NAL unit type
  std::uint8_t id = 0;    ///< seq_parameter_set_id or pic_parameter_set_id
  std::uint16_t bytes = 0;
  std::array<std::uint8_t, contract::kMaxParameterSetBytes> nal;
};

/// A packet that is complete but for its header of the network.
struct HeldPacket {
  io::Frame frame;
  std::uint8_t* payload = nullptr;  ///< RTP header
  std::uint16_t length = 0;
  std::uint16_t octets = 0;
  std::uint16_t sequence_in = 0;  ///< of the packet that it was made of ...
  std::uint64_t arrived_ns = 0;   ///< ... and its arrival
  bool generated = false;
  std::uint8_t dscp = 0;  ///< of the packet that it was made of
};

/// From here on: number out = place + shift. A place is the number that the map stage gave.
struct NumberChange {
  std::uint16_t from = 0;
  std::uint16_t shift = 0;
};

struct VideoPicture {
  bool begun = false;
  std::uint32_t timestamp = 0;
  bool announced = true;  ///< its PACSI has gone (or none is needed)
  bool sent = false;      ///< a packet of it has gone
  bool has_sps = false;
  bool has_pps = false;
  bool idr = false;
  bool dropping = false;  ///< the fragments that come belong to a NAL unit that is dropped
  std::uint8_t temporal_id = 0;
  std::uint8_t ref_idc = 0;  ///< highest
  std::uint16_t nal_units = 0;
  std::uint16_t slices = 0;
  std::uint16_t pacsi_number = 0;
};

struct VideoLeg {
  // What to do, from the configuration.
  contract::VideoFormat from = contract::VideoFormat::kOpaque;
  contract::VideoFormat to = contract::VideoFormat::kOpaque;
  bool fragments = true;  ///< packetization-mode 1
  std::uint16_t limit = 1200;
  std::uint8_t max_temporal_id = 7;

  // Numbers.
  bool numbered = false;  ///< `last_place` is one
  std::uint16_t last_place = 0;
  std::uint16_t shift = 0;
  std::array<NumberChange, kNumberHistory> changes{};
  std::size_t change_count = 0;  ///< ever

  VideoPicture picture;
  bool had_idr = false;            ///< since the stream (re)started
  std::uint32_t key_pictures = 0;  ///< that went on, ever
  bool new_sps = false;            ///< it became another one, and no IDR picture has used it yet
  bool had_base = false;
  std::size_t without_base = 0;      ///< pictures since the last one of the base layer
  std::size_t fragmented_bytes = 0;  ///< of the NAL unit whose fragments come

  // Parameter sets seen, or from the session description.
  std::array<StoredSet, kMaxStoredSets> sets;
  std::size_t set_count = 0;
  std::optional<payload::Sps> sps;

  // A NAL unit put together again for a peer that takes no fragments.
  std::array<std::uint8_t, contract::kMaxVideoPayloadBytes> whole;
  std::size_t whole_bytes = 0;  ///< 0: none under way
  bool spilling = false;        ///< it was too large: the rest of its fragments pass as they are
  std::uint16_t whole_place = 0;

  // Towards H264UC.
  std::array<HeldPacket, kMaxHeldPackets> held;
  std::size_t held_count = 0;
  std::uint64_t held_ns = 0;  ///< since when
  std::uint16_t decoding_order = 0;
  std::uint8_t reference_frames = 0;
  std::size_t steady = 0;     ///< pictures of one slice in a row
  std::uint64_t rate_ns = 0;  ///< since when bytes and pictures are counted
  std::uint64_t rate_bytes = 0;
  std::uint32_t rate_pictures = 0;
};

struct VideoLegs {
  std::array<VideoLeg, 2> leg;  ///< by the side that the media comes from
};

/// Is there something to adapt between what a peer sends and what the other one takes?
bool needs_adapting(const contract::VideoSpec& from, const contract::VideoSpec& to);

}  // namespace isthmus::session
