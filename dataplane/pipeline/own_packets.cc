#include "dataplane/pipeline/own_packets.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/pipeline/feedback.h"
#include "dataplane/pipeline/leg_setup.h"
#include "dataplane/wire/rtcp.h"

namespace isthmus::pipeline {
namespace {

using contract::Component;
using session::Leg;

/// RFC 3550 6.4.1 and A.3. Moves the interval on.
wire::ReportBlock make_block(const State& state, Leg& leg) {
  session::LegReports& reports = leg.reports;
  const std::uint64_t received = leg.receive.packets.get() - reports.received_base.get();
  const std::uint32_t highest = leg.receive.highest.get();
  const std::uint32_t expected = highest - reports.base.get() + 1;
  const std::int64_t expected_interval = static_cast<std::int64_t>(expected) - reports.expected_prior;
  const std::int64_t received_interval = static_cast<std::int64_t>(received - reports.received_prior);
  const std::int64_t lost_interval = expected_interval - received_interval;
  reports.expected_prior = expected;
  reports.received_prior = received;
  wire::ReportBlock block;
  block.ssrc = leg.receive.ssrc;
  if (expected_interval > 0 && lost_interval > 0) {
    block.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(255, (lost_interval << 8U) / expected_interval));
  }
  const std::int64_t lost = static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received);
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x800000, 0x7fffff));
  block.highest_sequence = highest;
  block.jitter = leg.receive.jitter_q4.get() >> 4U;
  if (reports.sr_arrival_ns != 0 && reports.sr_ssrc == leg.receive.ssrc) {
    block.last_sr = reports.sr_ntp_middle;
    const std::uint64_t delay_ns = state.time.now.monotonic_ns - reports.sr_arrival_ns;
    block.delay_since_last_sr = static_cast<std::uint32_t>((delay_ns / 1000 << 16U) / 1'000'000);
  }
  return block;
}

wire::SenderInfo sender_info(const State& state, const Leg& leg) {
  const session::LegReceive& source = leg.receive.far->receive;
  const std::uint64_t since_ns = state.time.now.monotonic_ns - source.last_ns.get();
  wire::SenderInfo info;
  info.ntp = wire::ntp_from_unix_ns(state.time.now.unix_ns);
  info.rtp_timestamp =
      source.last_timestamp_out + static_cast<std::uint32_t>(since_ns / 1000 * source.clock_out_hz / 1'000'000);
  info.packets = static_cast<std::uint32_t>(leg.transmit.packets.get());
  info.octets = static_cast<std::uint32_t>(leg.transmit.bytes.get());
  return info;
}

void tell_silence(State& state, const Leg& leg, session::WorkerEvent::Kind kind, std::uint64_t silent_since_ns) {
  session::WorkerEvent event;
  event.kind = kind;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  if (leg.media_drop_ns > silent_since_ns) event.cause = leg.media_drop_reason;
  state.event(event);
}

void time_out(State& state, Leg& leg) {
  const std::uint64_t now = state.time.now.monotonic_ns;
  const std::uint64_t timeout_ns = leg.stream->config->media_timeout_ms * session::kNsPerMs;
  const std::uint64_t since = std::max(leg.receive.last_ns.get(), leg.opened_ns);
  if (timeout_ns == 0 || !leg.config->receive || now - since < timeout_ns) {
    leg.media_timed_out = false;
    return;
  }
  if (leg.media_timed_out) return;
  leg.media_timed_out = true;
  tell_silence(state, leg, session::WorkerEvent::Kind::kMediaTimedOut, since);
}

/// One party hears the other and is not heard: a failure that nobody else notices (R82).
void watch_one_way(State& state, Leg& leg) {
  const Leg& far = *leg.receive.far;
  const std::uint64_t now = state.time.now.monotonic_ns;
  const auto flows = [&](const Leg& one) {
    const std::uint64_t last_ns = one.receive.last_ns.get();
    return one.config->receive && last_ns != 0 && now - last_ns < kFlowsNs;
  };
  const bool wanted = leg.config->receive && leg.config->send && far.config->send;
  if (!wanted || flows(leg) || !flows(far)) {
    leg.one_way_since_ns = 0;
    leg.one_way_told = false;
    return;
  }
  if (leg.one_way_since_ns == 0) leg.one_way_since_ns = now;
  if (leg.one_way_told || now - leg.one_way_since_ns < kOneWayNs) return;
  leg.one_way_told = true;
  tell_silence(state, leg, session::WorkerEvent::Kind::kOneWayMedia, leg.one_way_since_ns);
}

/// `context`: nullptr where none is in use.
void watch_key(State& state, Leg& leg, const crypto::SrtpContext* context, contract::KeyDirection direction) {
  std::uint64_t& told_ns = leg.key_low_told_ns[static_cast<std::size_t>(direction)];
  const std::uint64_t now = state.time.now.monotonic_ns;
  const crypto::KeyUse use = context != nullptr ? context->use() : crypto::KeyUse{};
  const bool low = use.packets_left <= std::min(use.lifetime_packets / kKeyLowShare, kKeyLowPackets);
  if (low ? told_ns != 0 && now - told_ns < kKeyLowAgainNs : told_ns == 0) return;
  told_ns = low ? now : 0;
  session::WorkerEvent event;
  event.kind = session::WorkerEvent::Kind::kKeyLifetimeLow;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  event.direction = direction;
  event.packets = low ? use.packets_left : contract::kKeyLowOver;
  state.event(event);
}

/// Seldom: with ten thousand sessions the contexts are far from the processor.
void watch_keys(State& state, Leg& leg) {
  if (state.time.now.monotonic_ns - leg.keys_looked_ns < kKeyLookNs) return;
  leg.keys_looked_ns = state.time.now.monotonic_ns;
  const auto in_use = [](bool wanted, const crypto::SrtpContext* context) { return wanted ? context : nullptr; };
  watch_key(state, leg, in_use(leg.config->receive, leg.receive.context), contract::KeyDirection::kReceive);
  watch_key(state, leg, in_use(leg.config->send, leg.transmit.context), contract::KeyDirection::kSend);
}

void look_at(State& state, Leg& leg, io::Burst& out) {
  leg.receive.budget = state.packet_budget;
  leg.punt_budget = leg.pair_punt_budget = state.punt_budget;
  time_out(state, leg);
  watch_one_way(state, leg);
  watch_keys(state, leg);
  let_go(state, leg, false);
  if (state.time.now.monotonic_ns >= leg.reports.next_report_ns) send_report(state, leg, out);
  ask_again(state, leg);
  const session::LegFeedback& feedback = leg.feedback;
  if ((feedback.pli_wanted || feedback.fir_wanted || feedback.start_wanted) && !out.full()) {
    send_leg_feedback(state, leg, out);
  }
}

}  // namespace

void send_rtcp(State& state, Leg& leg, io::Burst& out, OwnFrame& own, const wire::RtcpWriter& writer) {
  std::size_t bytes = writer.size();
  bool good = writer.ok();
  if (good && leg.transmit.context != nullptr) {
    crypto::SrtpJob job;
    job.context = leg.transmit.context;
    job.packet = own.payload;
    job.length = static_cast<std::uint16_t>(bytes);
    job.tailroom = static_cast<std::uint16_t>(own.room - bytes);
    job.rtcp = true;
    state.engine.protect({&job, 1});
    good = job.result == crypto::SrtpResult::kOk;
    bytes = job.length;
  }
  if (!good) {
    state.link.counters.generated_lost.add(1);
    state.io.release(own.frame);
    return;
  }
  leg.reports.sent.add(1);
  const bool mux = leg.config->rtcp_mux;
  finish_own(state, out, own, bytes,
             {mux ? leg.config->local_rtp : leg.config->local_rtcp, leg.transmit_rtcp.address(), leg.transmit.last_dscp,
              rtcp_hop(leg)});
}

bool can_send_rtcp(const Leg& leg) {
  const bool lost = leg.consent_lost[leg.config->rtcp_mux ? 0 : 1];
  return !lost && leg.transmit_rtcp.port_family != 0 && rtcp_hop(leg).valid;
}

std::string_view cname(const Leg& leg) { return {leg.config->cname.data(), leg.config->cname_bytes}; }

OwnFrame allocate_own(State& state) {
  OwnFrame own;
  own.frame = state.io.allocate();
  if (own.frame.handle == nullptr) {
    state.link.counters.generated_lost.add(1);
    return own;
  }
  own.payload = own.frame.data + session::kMaxHeaderBytes;
  own.room = own.frame.tailroom > session::kMaxHeaderBytes ? own.frame.tailroom - session::kMaxHeaderBytes : 0;
  return own;
}

void finish_own(State& state, io::Burst& out, OwnFrame& own, std::size_t payload_bytes, const OwnPacket& packet) {
  const wire::HeaderTemplate made = wire::make_template(packet.from, packet.to, packet.dscp);
  if (!packet.hop.valid || payload_bytes + made.header_bytes - wire::kEthernetBytes > packet.hop.mtu) {
    state.link.counters.generated_lost.add(1);
    state.io.release(own.frame);
    return;
  }
  std::uint8_t* data = own.payload - made.header_bytes;
  std::memcpy(data, made.bytes.data(), made.header_bytes);
  wire::store_macs(data, packet.hop.destination_mac, packet.hop.source_mac);
  const std::uint64_t sum = state.sum(own.payload, payload_bytes);
  const auto length = static_cast<std::uint16_t>(payload_bytes);
  if (packet.to.ip.is_v4()) {
    wire::finish_v4(data, length, made.ip_sum, made.udp_sum, sum);
  } else {
    wire::finish_v6(data, length, made.udp_sum, sum);
  }
  io::Frame frame = own.frame;
  const auto moved = static_cast<std::uint16_t>(data - frame.data);
  frame.data = data;
  frame.headroom = static_cast<std::uint16_t>(frame.headroom + moved);
  frame.length = static_cast<std::uint16_t>(length + made.header_bytes);
  frame.tailroom = static_cast<std::uint16_t>(own.frame.tailroom - moved - frame.length);
  frame.port = static_cast<std::uint8_t>(packet.hop.io_port);
  out.add(frame);
  state.link.counters.generated.add(1);
  state.link.counters.sent.add(1);
  state.link.counters.sent_bytes.add(frame.length);
}

void send_report(State& state, Leg& leg, io::Burst& out) {
  session::LegReports& reports = leg.reports;
  if (!can_send_rtcp(leg)) {  // look again in a second
    reports.next_report_ns = state.time.now.monotonic_ns + session::kNsPerSecond;
    return;
  }
  if (out.full()) return;
  // RFC 3550 6.2: five seconds, times 0.5 to 1.5 so that peers do not fall into step.
  constexpr std::uint64_t kIntervalNs = 5 * session::kNsPerSecond;
  reports.next_report_ns =
      state.time.now.monotonic_ns + kIntervalNs / 2 + ((kIntervalNs * (state.next_random() >> 8U)) >> 24U);
  OwnFrame own = allocate_own(state);
  if (own.payload == nullptr) return;
  std::array<wire::ReportBlock, 1> block;
  const bool heard = leg.receive.packets.get() > reports.received_base.get() + reports.received_prior;
  const bool mapped = (leg.receive.slow & session::LegReceive::kNotMapped) == 0;
  std::span<const wire::ReportBlock> blocks;
  if (heard && mapped) {
    block[0] = make_block(state, leg);
    blocks = block;
  }
  wire::RtcpWriter writer(MutableBytes(own.payload, own.room));
  const std::uint64_t sent = leg.transmit.packets.get();
  if (sent > reports.sent_prior) {
    writer.sender_report(leg.transmit.ssrc, sender_info(state, leg), blocks);
  } else {
    writer.receiver_report(leg.transmit.ssrc, blocks);
  }
  reports.sent_prior = sent;
  writer.cname(leg.transmit.ssrc, cname(leg));
  if (asks_for_source(leg)) request_source(leg, writer, false);
  send_rtcp(state, leg, out, own, writer);
}

void scan(State& state, io::Burst& out) {
  const std::size_t legs = 2 * state.streams.size();
  const std::uint64_t now = state.time.now.monotonic_ns;
  if (legs == 0 || now - state.scan_ns < session::kNsPerMs) return;
  // A share of all legs for the time that passed, so that each has its turn once in kScanNs.
  const std::uint64_t passed = std::min(now - state.scan_ns, kScanNs);
  state.scan_ns = now;
  std::size_t due = std::min<std::size_t>(legs, legs * passed / kScanNs + 1);
  for (; due > 0 && out.count + 2 <= io::kBurstSize; --due) {
    if (state.scan_at >= legs) state.scan_at = 0;
    Leg& leg = state.streams[state.scan_at / 2]->leg[state.scan_at % 2];
    ++state.scan_at;
    look_at(state, leg, out);
  }
}

void inject(State& state, io::Burst& out) {
  session::Injection injection;
  std::uint64_t done = 0;
  while (!out.full() && state.link.injections.pop(injection)) {
    ++done;
    session::NextHopValue hop;
    std::uint32_t version = 0;
    OwnFrame own;
    const Leg& leg = injection.stream->leg[index(injection.side)];
    if (!injection.stream->open || !injection.next_hop->read(hop, version) || !hop.valid) {
      state.link.counters.generated_lost.add(1);
      continue;
    }
    own = allocate_own(state);
    if (own.payload == nullptr) continue;
    if (own.room < injection.length) {
      state.link.counters.generated_lost.add(1);
      state.io.release(own.frame);
      continue;
    }
    std::copy_n(injection.packet.begin(), injection.length, own.payload);
    const bool rtp = injection.component == Component::kRtp;
    finish_own(state, out, own, injection.length,
               {rtp ? leg.config->local_rtp : leg.config->local_rtcp, injection.destination, leg.config->dscp, hop});
  }
  if (done > 0) {
    const std::uint64_t before = state.link.injections_done.load(std::memory_order_relaxed);
    state.link.injections_done.store(before + done, std::memory_order_release);
  }
}

}  // namespace isthmus::pipeline
