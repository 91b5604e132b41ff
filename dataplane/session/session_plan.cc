#include "dataplane/session/session_plan.h"

#include <algorithm>
#include <numeric>

#include "dataplane/base/bytes.h"

namespace isthmus::session {
namespace {

using contract::LegSpec;
using contract::SessionSpec;
using contract::Side;
using contract::SrtpKey;

std::string leg_field(std::size_t stream, Side side, const char* field) {
  return "streams[" + std::to_string(stream) + "].leg[" + (side == Side::kA ? "a" : "b") + "]." + field;
}

/// ::ffff:0:0/96, 64:ff9b::/96 and ::/96 (RFC 4291 2.5.5, RFC 6052 2.1): forms that could name what is refused by
/// itself.
bool is_v4_in_v6(const IpAddress& ip) {
  if (ip.is_v4() || ip.is_loopback()) return false;
  const std::uint64_t high = load_be64(ip.bytes.data());
  const std::uint32_t middle = load_be32(ip.bytes.data() + 8);
  return (high == 0 && (middle == 0 || middle == 0xffff)) || (high == 0x0064ff9b00000000U && middle == 0);
}

bool is_tcp(const LegSpec& leg) { return leg.transport == contract::LegTransport::kTcp; }
bool is_undecided(const LegSpec& leg) { return leg.transport == contract::LegTransport::kUdpOrTcp; }

bool same_secret(const SrtpKey& left, const SrtpKey& right) {
  return left.master_key == right.master_key && left.master_salt == right.master_salt;
}

constexpr std::uint32_t kMaxSsrcTries = 64;  // a key sees few SSRCs; random ones meet once in 2^32

/// Plans one leg; `old` is the leg as it is, or nullptr.
class LegPlanner {
 public:
  LegPlanner(std::size_t stream, Side side, const LegSpec& spec, const LegSpec* old_spec, const LegRecord* old,
             std::size_t worker, const PlanContext& context, Reservation& reservation)
      : stream_(stream),
        side_(side),
        spec_(spec),
        old_spec_(old_spec),
        old_(old),
        worker_(worker),
        context_(context),
        reservation_(reservation) {}

  Result<LegRecord> plan() {
    record_.keeps_pair = old_ != nullptr && spec_.ice && spec_.ice->nominated && spec_.ice == old_spec_->ice &&
                         spec_.remote_rtp == old_spec_->remote_rtp && spec_.remote_rtcp == old_spec_->remote_rtcp;
    for (auto step : {&LegPlanner::place, &LegPlanner::addresses, &LegPlanner::name, &LegPlanner::receive_key,
                      &LegPlanner::send_key}) {
      if (auto done = (this->*step)(); !done) return forward_error(done);
    }
    return std::move(record_);
  }

 private:
  std::string field(const char* name) const { return leg_field(stream_, side_, name); }

  Result<void> place() {
    const int rtcp_port = is_tcp(spec_) ? spec_.rtp_port : spec_.rtp_port + 1;
    if (spec_.rtp_port != 0 && spec_.rtcp_port != 0 && spec_.rtcp_port != rtcp_port) {
      return fail(ErrorKind::kInvalidArgument, "is not next to rtp_port", field("rtcp_port"));
    }
    if (old_ != nullptr) return keep_place();
    const auto found = find_pool(spec_, context_, field("network"));
    if (!found) return forward_error(found);
    record_.pool = &context_.pools[*found];
    record_.network = context_.places[*found].network;
    const auto port = take_ports();
    if (!port) {
      Error error = port.error();
      if (spec_.rtp_port != 0) error.field = field("rtp_port");
      return tl::unexpected<Error>(std::move(error));
    }
    record_.rtp_port = *port;
    return {};
  }

  Result<std::uint16_t> take_ports() {
    PortPool* tcp_pool = is_undecided(spec_) ? tcp_pool_beside(*record_.pool) : nullptr;
    if (tcp_pool == nullptr) return reservation_.pair(*record_.pool, spec_.rtp_port, worker_, context_.random);
    bool has_tcp = false;
    auto port = reservation_.pair_and_tcp(*record_.pool, *tcp_pool, spec_.rtp_port, worker_, context_.random, has_tcp);
    if (has_tcp) record_.tcp_pool = tcp_pool;
    return port;
  }

  PortPool* tcp_pool_beside(const PortPool& pool) const {
    for (std::size_t i = 0; i < context_.places.size(); ++i) {
      const LocalAddress& place = context_.places[i];
      if (place.tcp && place.network == record_.network && place.ip == pool.address()) return &context_.pools[i];
    }
    return nullptr;
  }

  // Of a leg that was not decided one of both stays; commit() gives the other back.
  Result<void> keep_pool() {
    record_.pool = old_->pool;
    if (spec_.transport == old_spec_->transport) {
      record_.tcp_pool = old_->tcp_pool;
      return {};
    }
    if (!is_undecided(*old_spec_)) {
      return fail(ErrorKind::kInvalidArgument, "differs from that of the open session", field("transport"));
    }
    if (!is_tcp(spec_)) return {};
    if (old_->tcp_pool == nullptr) {
      return fail(ErrorKind::kInvalidArgument, "is TCP, for which the leg got no port", field("transport"));
    }
    record_.pool = old_->tcp_pool;
    return {};
  }

  Result<void> keep_place() {
    record_.network = old_->network;
    if (context_.networks[old_->network] != spec_.network || old_->pool->address().family != spec_.family) {
      return fail(ErrorKind::kInvalidArgument, "differs from that of the open session", field("network"));
    }
    if (auto kept = keep_pool(); !kept) return kept;
    if (spec_.rtp_port != 0 && spec_.rtp_port != old_->rtp_port) {
      return fail(ErrorKind::kInvalidArgument, "differs from that of the open session", field("rtp_port"));
    }
    record_.rtp_port = old_->rtp_port;
    return {};
  }

  Result<void> addresses() {
    const IpAddress& local = record_.pool->address();
    for (const auto* remote : {&spec_.remote_rtp, &spec_.remote_rtcp}) {
      if (!*remote) continue;
      const auto name = field(remote == &spec_.remote_rtp ? "remote_rtp" : "remote_rtcp");
      if (auto good = check_destination(**remote, local, context_.places, name); !good) return good;
    }
    record_.remote_rtcp = spec_.rtcp_mux ? spec_.remote_rtp : spec_.remote_rtcp;
    if (!record_.remote_rtcp && spec_.remote_rtp && spec_.remote_rtp->port != 0xffff) {
      // RFC 3550 11: the next port, where nothing else was signalled.
      record_.remote_rtcp = {spec_.remote_rtp->ip, static_cast<std::uint16_t>(spec_.remote_rtp->port + 1)};
    }
    for (const auto* remote : {&spec_.remote_rtp, &std::as_const(record_.remote_rtcp)}) {
      if (*remote) record_.hop_keys.push_back({record_.network, local, (*remote)->ip, record_.pool->is_tcp()});
    }
    return {};
  }

  // The SSRC of an open leg stays while it is not named anew. A key with an SSRC that went out before would start its
  // indices again (RFC 3711 9.1).
  Result<void> name() {
    const bool same =
        old_ != nullptr && (spec_.ssrc == 0 ? spec_.own_ssrcs.contains(old_->ssrc) : spec_.ssrc == old_->ssrc);
    if (same) {
      record_.ssrc = old_->ssrc;
      record_.initial_sequence = old_->initial_sequence;
      record_.initial_timestamp = old_->initial_timestamp;
      return {};
    }
    record_.ssrc = spec_.ssrc;
    if (spec_.ssrc != 0 && spec_.send_key && context_.guard.used(*spec_.send_key, spec_.ssrc)) {
      return fail(ErrorKind::kInvalidArgument, "went out under this key before; 0 draws a new one", field("ssrc"));
    }
    if (auto resumed = resume(); !resumed || *resumed) return resumed ? Result<void>{} : forward_error(resumed);
    if (spec_.ssrc == 0) {
      if (auto drawn = draw_ssrc(); !drawn) return drawn;
    }
    record_.initial_sequence = static_cast<std::uint16_t>(context_.random.next_u32() & 0x7fffU);  // RFC 3711 3.3.1
    record_.initial_timestamp = context_.random.next_u32();
    return {};
  }

  // A process before this one may have sent under this key on this leg: then its SSRC goes on with the next number.
  // True: it does. Where nothing is remembered the key's SSRC is a new one.
  Result<bool> resume() {
    if (old_ != nullptr || !spec_.send_key) return false;
    auto context = make(*spec_.send_key, crypto::Direction::kSend, "send_key");
    if (!context) return forward_error(context);
    record_.send_context = std::move(*context);
    const auto before = context_.engine.sent_before(*record_.send_context);
    if (!before || (spec_.ssrc != 0 && spec_.ssrc != before->ssrc)) return false;
    if (spec_.ssrc == 0 && !spec_.own_ssrcs.contains(before->ssrc)) return false;
    record_.ssrc = before->ssrc;
    record_.initial_sequence = static_cast<std::uint16_t>(before->sequence + 1);
    record_.initial_timestamp = before->timestamp + 1;
    return true;
  }

  // Of an own range the first one, since reports and requests about the stream name that ([MS-RTP] 2.2.12: the range's
  // lowest SSRC stands for the source); the next one only where the key has seen it.
  Result<void> draw_ssrc() {
    for (std::uint32_t tries = 0; tries < kMaxSsrcTries; ++tries) {
      std::uint32_t drawn = context_.random.next_u32();
      if (!spec_.own_ssrcs.is_any()) {
        if (tries > spec_.own_ssrcs.last - spec_.own_ssrcs.first) break;
        drawn = spec_.own_ssrcs.first + tries;
      }
      if (drawn == 0 || (spec_.send_key && context_.guard.used(*spec_.send_key, drawn))) continue;
      record_.ssrc = drawn;
      return {};
    }
    return fail(ErrorKind::kExhausted, "has none left that did not go out under this key", field("own_ssrcs"));
  }

  Result<std::shared_ptr<crypto::SrtpContext>> make(const SrtpKey& key, crypto::Direction direction,
                                                    const char* name) const {
    crypto::SrtpContextOptions options;
    options.direction = direction;
    options.send_ssrc = record_.ssrc;
    options.owner = (context_.session.value * 0x9e3779b97f4a7c15U) ^ (2 * stream_ + index(side_));
    auto context = context_.engine.make_context(key, options);
    if (!context) {
      return fail(context.error().kind, context.error().message, field(name));
    }
    return std::shared_ptr<crypto::SrtpContext>(std::move(*context));
  }

  Result<void> receive_key() {
    const bool had = old_ != nullptr && old_spec_->receive_key;
    if (old_ != nullptr) {
      record_.previous_receive_context = old_->previous_receive_context;
      record_.forget_previous_ns = old_->forget_previous_ns;
    }
    if (!spec_.receive_key) {
      record_.previous_receive_context = nullptr;
      return {};
    }
    if (had && *old_spec_->receive_key == *spec_.receive_key) {
      record_.receive_context = old_->receive_context;
      return {};
    }
    auto context = make(*spec_.receive_key, crypto::Direction::kReceive, "receive_key");
    if (!context) return forward_error(context);
    record_.receive_context = std::move(*context);
    if (had) {
      record_.previous_receive_context = old_->receive_context;
      record_.forget_previous_ns = context_.now_ns + kOldKeyNs;
    }
    return {};
  }

  Result<void> send_key() {
    if (!spec_.send_key) return {};
    const bool had = old_ != nullptr && old_spec_->send_key;
    if (had && *old_spec_->send_key == *spec_.send_key) {
      record_.send_context = old_->send_context;
      return {};
    }
    if (had && same_secret(*old_spec_->send_key, *spec_.send_key)) {
      // The same key stream under another suite or name: the index state would have to be the same as well.
      return fail(ErrorKind::kInvalidArgument, "has the key of before with another suite, MKI or lifetime",
                  field("send_key"));
    }
    if (context_.guard.used(*spec_.send_key, record_.ssrc)) {
      return fail(ErrorKind::kInvalidArgument, "went out with this SSRC before; name another ssrc", field("send_key"));
    }
    if (record_.send_context != nullptr) return {};  // made by resume()
    auto context = make(*spec_.send_key, crypto::Direction::kSend, "send_key");
    if (!context) return forward_error(context);
    record_.send_context = std::move(*context);
    return {};
  }

  std::size_t stream_;
  Side side_;
  const LegSpec& spec_;
  const LegSpec* old_spec_;
  const LegRecord* old_;
  std::size_t worker_;
  const PlanContext& context_;
  Reservation& reservation_;
  LegRecord record_;
};

void fill_payloads(const std::vector<contract::PayloadMap>& maps, std::vector<PayloadRule>& rules) {
  rules.reserve(maps.size());
  for (const contract::PayloadMap& map : maps) rules.push_back({map.from, map.to, map.from_clock_hz, map.to_clock_hz});
  std::sort(rules.begin(), rules.end(), [](const PayloadRule& a, const PayloadRule& b) { return a.from < b.from; });
}

void fill_dscp(const LegSpec& spec, LegConfig& config) {
  config.dscp = spec.dscp;
  config.follows_dscp = spec.dscp_rule != contract::DscpRule::kSet;
  config.dscp_out.fill(spec.dscp);
  if (spec.dscp_rule == contract::DscpRule::kCopy) std::iota(config.dscp_out.begin(), config.dscp_out.end(), 0);
  for (const contract::DscpMap& map : spec.dscp_map) config.dscp_out[map.from] = map.to;
}

void fill_leg(const LegSpec& spec, const LegRecord& record, Reservation& reservation, LegConfig& config) {
  config.local_rtp = record.local_rtp();
  config.local_rtcp = record.local_rtcp();
  config.network = record.network;
  config.tcp = record.pool->is_tcp();
  config.rtcp_mux = spec.rtcp_mux;
  config.receive = spec.receive;
  config.send = spec.send;
  config.source_rule = spec.source_rule;
  config.remote_rtp = spec.remote_rtp;
  config.remote_rtcp = record.remote_rtcp;
  std::size_t key = 0;
  if (spec.remote_rtp) config.rtp_hop = &reservation.hop(record.hop_keys[key++]);
  if (record.remote_rtcp) config.rtcp_hop = &reservation.hop(record.hop_keys[key]);
  config.receive_context = record.receive_context.get();
  config.previous_receive_context = record.previous_receive_context.get();
  config.send_context = record.send_context.get();
  config.ssrc = record.ssrc;
  config.initial_sequence = record.initial_sequence;
  config.initial_timestamp = record.initial_timestamp;
  fill_dscp(spec, config);
  config.cname_bytes = static_cast<std::uint8_t>(spec.cname.size());
  std::ranges::copy(spec.cname, config.cname.begin());
  config.ice = spec.ice.has_value();
  config.nominated = spec.ice && spec.ice->nominated;
  config.keeps_pair = record.keeps_pair;
  config.peer_ssrcs = spec.peer_ssrcs;
  config.feedback = spec.feedback;
  config.video = spec.video;
}

std::shared_ptr<const StreamConfig> make_config(const SessionSpec& spec, std::size_t stream, const StreamRecord& record,
                                                Reservation& reservation) {
  auto config = std::make_shared<StreamConfig>();
  config->session = spec.id;
  config->revision = spec.revision;
  config->stream = static_cast<std::uint16_t>(stream);
  config->kind = spec.streams[stream].kind;
  config->media_timeout_ms = spec.media_timeout_ms;
  config->video = record.video;
  for (const Side side : {Side::kA, Side::kB}) {
    const std::size_t i = index(side);
    fill_leg(spec.streams[stream].leg[i], record.leg[i], reservation, config->leg[i]);
  }
  fill_payloads(spec.streams[stream].a_to_b, config->leg[index(Side::kA)].payload);
  fill_payloads(spec.streams[stream].b_to_a, config->leg[index(Side::kB)].payload);
  return config;
}

}  // namespace

Result<void> check_destination(const SocketAddress& remote, const IpAddress& local,
                               const std::vector<LocalAddress>& places, const std::string& field) {
  const auto refuse = [&](const char* why) { return fail(ErrorKind::kInvalidArgument, why, field); };
  if (remote.ip.family != local.family) return refuse("is of another family than the leg");
  if (remote.port == 0) return refuse("has port 0");
  if (remote.ip.is_unspecified()) return refuse("is the unspecified address");
  if (remote.ip.is_multicast()) return refuse("is a multicast address");
  if (remote.ip.is_broadcast()) return refuse("is the broadcast address");
  if (remote.ip.is_link_local()) return refuse("is a link-local address");
  if (is_v4_in_v6(remote.ip)) return refuse("is an IPv4 address in IPv6 form");
  if (remote.ip.is_loopback() && !local.is_loopback()) return refuse("is a loopback address");
  const auto ours = [&](const LocalAddress& place) {
    return place.ip == remote.ip && remote.port >= place.first_port && remote.port <= place.last_port;
  };
  if (std::ranges::any_of(places, ours)) return refuse("is a media port of this gateway");
  return {};
}

Result<std::size_t> find_pool(const LegSpec& leg, const PlanContext& context, const std::string& field) {
  // Of a network with several addresses of the family, the one with most room.
  std::optional<std::size_t> best;
  bool known = false;
  for (std::size_t i = 0; i < context.places.size(); ++i) {
    if (context.networks[context.places[i].network] != leg.network) continue;
    known = true;
    if (context.places[i].ip.family != leg.family || context.places[i].tcp != is_tcp(leg)) continue;
    if (!best || context.pools[i].ports_in_use() < context.pools[*best].ports_in_use()) best = i;
  }
  if (!known) return fail(ErrorKind::kInvalidArgument, "names no network of the configuration", field);
  if (!best) return fail(ErrorKind::kInvalidArgument, "has no address of this family", field);
  return *best;
}

Result<std::vector<StreamRecord>> plan_streams(const SessionSpec& spec, const SessionRecord* present,
                                               std::size_t worker, const PlanContext& context,
                                               Reservation& reservation) {
  if (present != nullptr && spec.streams.size() < present->streams.size()) {
    return fail(ErrorKind::kInvalidArgument, "has fewer entries than before; an ended stream keeps its place",
                "streams");
  }
  std::vector<StreamRecord> streams(spec.streams.size());
  for (std::size_t s = 0; s < streams.size(); ++s) {
    const bool kept = present != nullptr && s < present->streams.size();
    for (const Side side : {Side::kA, Side::kB}) {
      const std::size_t i = index(side);
      LegPlanner planner(s, side, spec.streams[s].leg[i], kept ? &present->spec.streams[s].leg[i] : nullptr,
                         kept ? &present->streams[s].leg[i] : nullptr, worker, context, reservation);
      auto leg = planner.plan();
      if (!leg) return forward_error(leg);
      if (kept) leg->latched_hop = present->streams[s].leg[i].latched_hop;
      streams[s].leg[i] = std::move(*leg);
    }
    streams[s].stream = kept ? present->streams[s].stream : std::make_shared<Stream>();
    if (kept) streams[s].video = present->streams[s].video;
    const auto& leg = spec.streams[s].leg;
    const bool adapts = spec.streams[s].kind == contract::MediaKind::kVideo &&
                        (needs_adapting(leg[0].video, leg[1].video) || needs_adapting(leg[1].video, leg[0].video));
    if (adapts && !streams[s].video) streams[s].video = std::make_shared<VideoLegs>();
    streams[s].config = make_config(spec, s, streams[s], reservation);
  }
  return streams;
}

}  // namespace isthmus::session
