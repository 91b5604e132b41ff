// STUN through the whole data plane, worker and keeper: whatever comes, received = forwarded + consumed + dropped +
// held with what the keeper refuses counted as dropped, and only a check with the right password is ever answered.

#include <gtest/gtest.h>

#include "dataplane/agent/ice_keeper.h"
#include "dataplane/wire/stun_integrity.h"
#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::agent {
namespace {

using test::Payload;
using wire::StunAttributeType;
using wire::StunType;

const SecretBytes kPassword(Payload(22, 'p'));

class IceBalance : public testing::TestWithParam<std::uint64_t> {
 protected:
  test::RelayBench bench_{test::RelayBench::default_networks(), {.punts_per_port_per_second = 2000}, GetParam()};
  SeededRandom random_{GetParam() * 17};
  std::uint64_t punted_ = 0;
  IceKeeper keeper_{
      {random_,
       [this](const IcePlace& at, const SocketAddress& to, std::span<const std::uint8_t> packet) {
         return bench_.table.send_packet(at.session, at.stream, at.side, at.component, to, packet);
       },
       [this](const contract::Event& event) { punted_ += std::holds_alternative<contract::PuntEvent>(event) ? 1 : 0; },
       [this](const IcePlace& at) { bench_.table.stop_sending(at.session, at.stream, at.side, at.component); }}};
  contract::SessionSpec spec_ = bench_.spec();
  contract::SessionState state_;
  std::uint64_t good_ = 0;

  bool chance(std::uint32_t one_in) { return random_.below(one_in) == 0; }

  void change() {
    for (contract::LegSpec& leg : spec_.streams[0].leg) {
      leg.ice.reset();
      leg.rtcp_mux = chance(3);
      leg.remote_rtcp.reset();
      if (chance(4)) continue;
      contract::IceSpec& ice = leg.ice.emplace();
      ice.local_ufrag = "OURS";
      ice.remote_ufrag = "THEM";
      ice.local_password = ice.remote_password = kPassword;
      ice.form = chance(2) ? contract::StunForm::kMicrosoft : contract::StunForm::kRfc8489;
      ice.nominated = chance(2);
    }
    if (state_.revision == 0) {
      state_ = bench_.open(spec_);
    } else {
      ++spec_.revision;
      state_ = bench_.update(spec_);
    }
    keeper_.set(spec_, bench_.now.monotonic_ns);
  }

  Payload random_check() {
    Payload buffer(300);
    wire::StunTransaction transaction;
    random_.fill(transaction);
    constexpr std::array kTypes = {StunType::kBindingRequest, StunType::kBindingRequest, StunType::kBindingSuccess,
                                   StunType::kBindingIndication};
    const StunType type = kTypes[random_.below(kTypes.size())];
    wire::StunWriter writer(buffer, type, transaction);
    const bool named = !chance(5);
    writer.add_text(StunAttributeType::kUsername, named ? "OURS:THEM" : "OURS:OTHER");
    const bool known = !chance(4);
    const Payload wrong(22, 'q');
    if (chance(6)) {
      wire::fingerprint_stun(writer);
    } else {
      wire::sign_stun(writer, chance(2) ? wire::IntegrityForm::kPadded : wire::IntegrityForm::kStrict,
                      known ? kPassword.view() : Bytes(wrong));
      if (named && known && type == StunType::kBindingRequest) ++good_;
    }
    buffer.resize(writer.message().size());
    if (chance(6)) {
      std::uint8_t& octet = buffer[random_.below(static_cast<std::uint32_t>(buffer.size()))];
      octet = static_cast<std::uint8_t>(octet ^ (1U << random_.below(8)));
    }
    return buffer;
  }

  void drain() {
    for (const contract::Event& event : bench_.poll()) {
      if (const auto* punt = std::get_if<contract::PuntEvent>(&event)) keeper_.take(*punt, bench_.now.monotonic_ns);
    }
    keeper_.poll(bench_.now.monotonic_ns);
  }
};

TEST_P(IceBalance, HoldsWithWhatTheKeeperRefuses) {
  change();
  for (int step = 0; step < 600; ++step) {
    if (chance(20)) change();
    std::vector<Payload> frames(random_.below(30));
    for (Payload& frame : frames) {
      const std::size_t side = random_.below(2);
      const contract::LegState& leg = state_.streams[0].leg[side];
      SocketAddress from = *spec_.streams[0].leg[side].remote_rtp;
      const bool rtcp = chance(3);
      if (rtcp) ++from.port;
      if (chance(4)) from.port = 9;
      frame = test::make_frame(from, rtcp ? leg.local_rtcp : leg.local_rtp, random_check());
    }
    bench_.run(frames);
    drain();
    for (const test::Sent& sent : bench_.pass_ms(random_.below(200))) EXPECT_TRUE(sent.good_checksums);
    ASSERT_TRUE(bench_.balanced());
  }
  drain();
  const session::WorkerCounters& counters = bench_.link.counters;
  const IceCounters& ice = keeper_.counters();
  // Each message that a worker handed over has one fate.
  const std::uint64_t taken = ice.checks_answered + punted_ + ice.consent_answers + ice.indications_received;
  EXPECT_EQ(ice.not_sent, 0U);
  EXPECT_EQ(counters.consumed.get(), taken + keeper_.refused());
  EXPECT_EQ(ice.punted, punted_);
  EXPECT_LE(ice.checks_answered, good_);
  EXPECT_GT(ice.checks_answered, 50U);
  EXPECT_GT(punted_, 50U);
  EXPECT_GT(keeper_.refused(), 50U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, IceBalance, testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace isthmus::agent
