#include "dataplane/agent/ice_keeper.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "dataplane/wire/stun_integrity.h"

namespace isthmus::agent {
namespace {

using contract::Component;
using contract::Side;
using contract::StunForm;
using wire::IntegrityForm;
using wire::StunAttributeType;
using wire::StunType;
using Octets = std::vector<std::uint8_t>;

constexpr std::uint64_t kSecond = 1'000'000'000;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

SecretBytes secret(std::string_view text) { return SecretBytes(Octets(text.begin(), text.end())); }

constexpr std::string_view kOurs = "ourPasswordOurPassword1";
constexpr std::string_view kTheirs = "theirPasswordTheirPass2";

struct SentPacket {
  IcePlace place;
  SocketAddress to;
  Octets packet;
  wire::StunMessage message() const { return *wire::read_stun(packet); }
};

class IceKeeperTest : public testing::Test {
 protected:
  const SocketAddress peer_rtp_ = at("192.0.2.10:4000");
  const SocketAddress peer_rtcp_ = at("192.0.2.10:4001");
  const SocketAddress stranger_ = at("203.0.113.9:9");
  SeededRandom random_{7};
  std::vector<SentPacket> sent_;
  std::vector<contract::Event> events_;
  std::vector<IcePlace> stopped_;
  std::vector<SocketAddress> confirmed_;
  bool full_ = false;
  std::uint64_t now_ = 1000 * kSecond;
  IceKeeper keeper_{{random_,
                     [this](const IcePlace& place, const SocketAddress& to, std::span<const std::uint8_t> packet) {
                       if (full_) return Status(fail(ErrorKind::kExhausted, "full"));
                       sent_.push_back({place, to, {packet.begin(), packet.end()}});
                       return Status();
                     },
                     [this](const contract::Event& event) { events_.push_back(event); },
                     [this](const IcePlace& place) { stopped_.push_back(place); },
                     [this](const IcePlace&, const SocketAddress& remote) { confirmed_.push_back(remote); }}};

  contract::SessionSpec spec(bool nominated, StunForm form = StunForm::kRfc8489, std::uint64_t id = 1) const {
    contract::SessionSpec spec;
    spec.id = {id};
    contract::LegSpec& leg = spec.streams.emplace_back().leg[0];
    leg.remote_rtp = peer_rtp_;
    leg.remote_rtcp = peer_rtcp_;
    contract::IceSpec& ice = leg.ice.emplace();
    ice.local_ufrag = "OURS";
    ice.remote_ufrag = "THEM";
    ice.local_password = secret(kOurs);
    ice.remote_password = secret(kTheirs);
    ice.form = form;
    ice.controlling = true;
    ice.tie_breaker = 0x1122334455667788;
    ice.nominated = nominated;
    return spec;
  }

  contract::SessionSpec tcp_spec(bool nominated, StunForm form = StunForm::kRfc8489) const {
    contract::SessionSpec over_tcp = spec(nominated, form);
    contract::LegSpec& leg = over_tcp.streams[0].leg[0];
    leg.transport = contract::LegTransport::kTcp;
    leg.rtcp_mux = true;
    leg.remote_rtcp = peer_rtp_;
    return over_tcp;
  }

  struct Check {
    std::string_view username = "OURS:THEM";
    std::string_view password = kOurs;
    IntegrityForm form = IntegrityForm::kStrict;
    bool controlling = false;
    bool padded_name = false;
    bool integrity = true;
    std::optional<std::uint16_t> extra{};  // an attribute that the reader does not know
    StunType type = StunType::kBindingRequest;
    wire::StunTransaction transaction{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  };
  static Octets make(const Check& check) {
    Octets buffer(600);
    wire::StunWriter writer(buffer, check.type, check.transaction);
    writer.add_u32(StunAttributeType::kPriority, 0x6ef000ff);
    writer.add_u64(check.controlling ? StunAttributeType::kIceControlling : StunAttributeType::kIceControlled, 9);
    if (check.extra) writer.add_u32(static_cast<StunAttributeType>(*check.extra), 1);
    if (check.padded_name) {
      writer.add_text_padded(StunAttributeType::kUsername, check.username);
    } else {
      writer.add_text(StunAttributeType::kUsername, check.username);
    }
    if (check.integrity) {
      wire::sign_stun(writer, check.form,
                      Bytes(reinterpret_cast<const std::uint8_t*>(check.password.data()), check.password.size()));
    } else {
      wire::fingerprint_stun(writer);
    }
    buffer.resize(writer.message().size());
    return buffer;
  }
  void take(const Octets& packet, const SocketAddress& from, Component component = Component::kRtp) {
    keeper_.take({{1}, 0, Side::kA, component, from, packet}, now_);
  }
  std::uint64_t refused(DropReason reason) const {
    return keeper_.counters().refused[static_cast<std::size_t>(reason)];
  }
  /// A good answer of the peer to the packet that was sent.
  static Octets answer_to(const SentPacket& request, std::string_view password = kTheirs,
                          StunType type = StunType::kBindingSuccess) {
    Octets buffer(200);
    wire::StunWriter writer(buffer, type, request.message().header.transaction);
    if (type == StunType::kBindingSuccess) {
      writer.add_xor_mapped(at("198.51.100.1:56000"));
    } else {
      writer.add_error(487, "Role Conflict");
    }
    wire::sign_stun(writer, IntegrityForm::kStrict,
                    Bytes(reinterpret_cast<const std::uint8_t*>(password.data()), password.size()));
    buffer.resize(writer.message().size());
    return buffer;
  }
  /// Moves time on in steps of 10 ms.
  void pass(std::uint64_t ns) {
    for (const std::uint64_t end = now_ + ns; now_ < end;) {
      now_ += 10'000'000;
      keeper_.poll(now_);
    }
  }
};

// ---- checks ----

TEST_F(IceKeeperTest, BeforeNominationGoodChecksGoToTheControlPlaneInEitherForm) {
  keeper_.set(spec(false), now_);
  for (const IntegrityForm form : {IntegrityForm::kStrict, IntegrityForm::kPadded}) {
    const Octets check = make({.form = form, .padded_name = form == IntegrityForm::kPadded});
    take(check, stranger_, Component::kRtcp);
    ASSERT_FALSE(events_.empty());
    const auto& punt = std::get<contract::PuntEvent>(events_.back());
    EXPECT_EQ(punt.source, stranger_);
    EXPECT_EQ(punt.component, Component::kRtcp);
    EXPECT_EQ(punt.packet, check);
  }
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(keeper_.counters().punted, 2U);
  EXPECT_EQ(keeper_.refused(), 0U);
}

TEST_F(IceKeeperTest, RefusesEachForgeryByItsName) {
  for (const bool nominated : {false, true}) {
    keeper_.set(spec(nominated), now_);
    const auto before = keeper_.counters().refused;
    take(make({.password = "notThePasswordNotThePassword"}), peer_rtp_);
    take(make({.integrity = false}), peer_rtp_);
    take(make({.username = "OURS:SOMEONE"}), peer_rtp_);
    take(make({.username = "OURSTHEM"}), peer_rtp_);
    take(make({.username = "THEM:OURS"}), peer_rtp_);
    take(make({.username = "OURS:THEM2"}), peer_rtp_);
    Octets damaged = make({});
    damaged.back() ^= 1U;
    take(damaged, peer_rtp_);
    Octets replayed_cut(damaged.begin(), damaged.begin() + 20);
    replayed_cut[2] = replayed_cut[3] = 0;
    take(replayed_cut, peer_rtp_);
    Octets bad_size = make({});
    store_be16(&bad_size[22], 3);  // PRIORITY of three bytes
    take(bad_size, peer_rtp_);
    const auto more = [&](DropReason reason) { return refused(reason) - before[static_cast<std::size_t>(reason)]; };
    EXPECT_EQ(more(DropReason::kStunUnauthenticated), 2U);
    EXPECT_EQ(more(DropReason::kStunUsername), 5U);
    EXPECT_EQ(more(DropReason::kStunFingerprint), 1U);
    EXPECT_EQ(more(DropReason::kStunMalformed), 1U);
  }
  EXPECT_TRUE(events_.empty());
  EXPECT_TRUE(sent_.empty()) << "no answer without integrity: nothing to amplify";
}

TEST_F(IceKeeperTest, AnEmptyPasswordOpensNothing) {
  contract::SessionSpec unknown = spec(false);
  unknown.streams[0].leg[0].ice->remote_ufrag.clear();
  unknown.streams[0].leg[0].ice->remote_password = {};
  keeper_.set(unknown, now_);
  take(make({.password = "", .type = StunType::kBindingSuccess}), peer_rtp_);
  EXPECT_EQ(refused(DropReason::kStunUnauthenticated), 1U);
  // The peer's check may overtake its answer: our own fragment and password are what there is to know.
  take(make({.username = "OURS:WHOEVER"}), peer_rtp_);
  EXPECT_EQ(events_.size(), 1U);
  take(make({.username = "OURS"}), peer_rtp_);
  EXPECT_EQ(refused(DropReason::kStunUsername), 1U);
}

TEST_F(IceKeeperTest, OnThePairAnswersItselfInTheLegsForm) {
  for (const StunForm form : {StunForm::kRfc8489, StunForm::kMicrosoft}) {
    keeper_.set(spec(true, form), now_);
    sent_.clear();
    take(make({}), peer_rtp_);
    ASSERT_EQ(sent_.size(), 1U);
    EXPECT_EQ(sent_[0].to, peer_rtp_);
    EXPECT_EQ(sent_[0].place.component, Component::kRtp);
    const wire::StunMessage answer = sent_[0].message();
    EXPECT_TRUE(answer.header.is(StunType::kBindingSuccess));
    EXPECT_EQ(answer.header.transaction, Check{}.transaction);
    EXPECT_EQ(answer.mapped, peer_rtp_);
    EXPECT_EQ(wire::verify_integrity(sent_[0].packet, answer, secret(kOurs).view()),
              form == StunForm::kMicrosoft ? IntegrityForm::kPadded : IntegrityForm::kStrict);
    EXPECT_TRUE(wire::verify_fingerprint(sent_[0].packet, answer));
    EXPECT_EQ(answer.implementation_version.value_or(0), form == StunForm::kMicrosoft ? 2U : 0U);
    EXPECT_EQ(answer.username.value_or(""), form == StunForm::kMicrosoft ? "OURS:THEM" : "");
  }
  EXPECT_TRUE(events_.empty());
  EXPECT_EQ(keeper_.counters().checks_answered, 2U);
}

TEST_F(IceKeeperTest, WhatIsADecisionIsPuntedAfterNominationToo) {
  keeper_.set(spec(true), now_);
  take(make({}), stranger_);                     // another path
  take(make({}), peer_rtp_, Component::kRtcp);   // the right address at the wrong port
  take(make({.controlling = true}), peer_rtp_);  // role conflict
  take(make({.extra = 0x7001}), peer_rtp_);      // must be understood
  EXPECT_EQ(events_.size(), 4U);
  EXPECT_TRUE(sent_.empty());
  take(make({.extra = 0xC001}), peer_rtp_);  // may be ignored
  EXPECT_EQ(sent_.size(), 1U);
}

TEST_F(IceKeeperTest, RtcpHasAPairOfItsOwnUnlessMultiplexed) {
  keeper_.set(spec(true), now_);
  take(make({}), peer_rtcp_, Component::kRtcp);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].place.component, Component::kRtcp);
  contract::SessionSpec mux = spec(true);
  mux.streams[0].leg[0].rtcp_mux = true;
  mux.streams[0].leg[0].remote_rtcp = peer_rtp_;
  keeper_.set(mux, now_);
  take(make({}), peer_rtp_, Component::kRtcp);
  EXPECT_EQ(sent_.size(), 1U);
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(IceKeeperTest, SessionsThatEndedAndLegsWithoutIceKnowNothing) {
  take(make({}), peer_rtp_);
  keeper_.set(spec(true), now_);
  keeper_.forget({1});
  take(make({}), peer_rtp_);
  keeper_.set(spec(true), now_);
  contract::SessionSpec plain = spec(true);
  plain.streams[0].leg[0].ice.reset();
  keeper_.set(plain, now_);
  take(make({}), peer_rtp_);
  EXPECT_EQ(refused(DropReason::kStunNotExpected), 3U);
  pass(40 * kSecond);
  EXPECT_TRUE(sent_.empty());
  EXPECT_TRUE(events_.empty());
}

// ---- consent and keep-alive ----

TEST_F(IceKeeperTest, AsksForConsentEveryFourToSixSecondsOnEachComponent) {
  keeper_.set(spec(true), now_);
  std::map<Component, std::vector<std::uint64_t>> times;
  for (int i = 0; i < 12'000; ++i) {
    pass(10'000'000);
    for (const SentPacket& request : sent_) {
      times[request.place.component].push_back(now_);
      EXPECT_EQ(request.to, request.place.component == Component::kRtp ? peer_rtp_ : peer_rtcp_);
      take(answer_to(request), request.to, request.place.component);
    }
    sent_.clear();
  }
  for (const auto& [component, sent] : times) {
    EXPECT_GE(sent.size(), 20U);
    std::set<std::uint64_t> different;
    for (std::size_t i = 1; i < sent.size(); ++i) {
      EXPECT_GE(sent[i] - sent[i - 1], 4 * kSecond - 10'000'000);
      EXPECT_LE(sent[i] - sent[i - 1], 6 * kSecond + 20'000'000);
      different.insert((sent[i] - sent[i - 1]) / 50'000'000);
    }
    EXPECT_GT(different.size(), 5U) << "peers fall into step";
  }
  EXPECT_EQ(keeper_.counters().consents_lost, 0U);
  EXPECT_EQ(keeper_.counters().consent_answers, keeper_.counters().consent_requests);
  EXPECT_TRUE(events_.empty());
}

TEST_F(IceKeeperTest, AConsentRequestIsACheckThatNominatesNothing) {
  keeper_.set(spec(true), now_);
  pass(7 * kSecond);
  ASSERT_GE(sent_.size(), 2U);
  const wire::StunMessage request = sent_[0].message();
  EXPECT_TRUE(request.header.is(StunType::kBindingRequest));
  EXPECT_EQ(request.username, "THEM:OURS");
  EXPECT_EQ(request.controlling, 0x1122334455667788U);
  EXPECT_FALSE(request.controlled);
  EXPECT_FALSE(request.use_candidate);
  EXPECT_TRUE(request.priority);
  EXPECT_EQ(wire::verify_integrity(sent_[0].packet, request, secret(kTheirs).view()), IntegrityForm::kStrict);
  EXPECT_TRUE(wire::verify_fingerprint(sent_[0].packet, request));
  EXPECT_NE(sent_[0].message().header.transaction, sent_[1].message().header.transaction);
}

TEST_F(IceKeeperTest, ConsentIsLostOnceThirtySecondsAfterTheLastGoodAnswer) {
  keeper_.set(spec(true), now_);
  pass(7 * kSecond);
  std::uint64_t answered = 0;
  for (const SentPacket& request : std::vector<SentPacket>(sent_)) {
    if (request.place.component != Component::kRtp || answered != 0) continue;
    take(answer_to(request), peer_rtp_);
    answered = now_;
  }
  ASSERT_NE(answered, 0U);
  pass(answered + 30 * kSecond - 20'000'000 - now_);
  ASSERT_EQ(events_.size(), 1U) << "the other component got no answer at all";
  EXPECT_EQ(std::get<contract::ConsentLostEvent>(events_[0]).component, Component::kRtcp);
  pass(40'000'000);
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(std::get<contract::ConsentLostEvent>(events_[1]).component, Component::kRtp);
  EXPECT_EQ(std::get<contract::ConsentLostEvent>(events_[1]).session, contract::SessionId{1});
  EXPECT_EQ(stopped_.size(), 2U);
  sent_.clear();
  pass(100 * kSecond);
  EXPECT_EQ(events_.size(), 2U);
  EXPECT_TRUE(sent_.empty());
  keeper_.set(spec(true), now_);  // another revision, the same pair: what is lost stays lost
  pass(10 * kSecond);
  EXPECT_TRUE(sent_.empty());
  keeper_.tell_lost();  // a control plane that was away
  EXPECT_EQ(events_.size(), 4U);
  contract::SessionSpec restarted = spec(true);
  restarted.streams[0].leg[0].ice->remote_password = secret("anotherPasswordAfterRestart");
  keeper_.set(restarted, now_);
  pass(7 * kSecond);
  EXPECT_GE(sent_.size(), 2U);
}

TEST_F(IceKeeperTest, OnlyAGoodAnswerToWhatWasAskedIsConsent) {
  keeper_.set(spec(true), now_);
  bool first = true;
  for (int i = 0; i < 3100; ++i) {
    pass(10'000'000);
    for (const SentPacket& request : std::vector<SentPacket>(std::move(sent_))) {
      if (request.place.component == Component::kRtcp) continue;
      take(answer_to(request, "wrongPasswordWrongPassword"), peer_rtp_);
      take(answer_to(request), stranger_);
      take(answer_to(request, kTheirs, StunType::kBindingError), peer_rtp_);
      if (std::exchange(first, false)) take(make({.password = kTheirs, .type = StunType::kBindingSuccess}), peer_rtp_);
    }
    sent_.clear();
  }
  EXPECT_EQ(keeper_.counters().consents_lost, 2U);
  EXPECT_EQ(keeper_.counters().consent_answers, 0U);
  EXPECT_GE(refused(DropReason::kStunUnauthenticated), 4U);
  EXPECT_GE(refused(DropReason::kStunNotExpected), 8U);
  EXPECT_EQ(keeper_.counters().punted, 1U) << "an answer to somebody else's check";
}

TEST_F(IceKeeperTest, ARecordedAnswerProvesNothing) {
  keeper_.set(spec(true), now_);
  pass(7 * kSecond);
  const Octets recorded = answer_to(sent_.at(0));
  const IcePlace place = sent_[0].place;
  for (int i = 0; i < 40; ++i) {
    take(recorded, sent_[0].to, place.component);
    pass(kSecond);
  }
  EXPECT_EQ(keeper_.counters().consent_answers, 1U);
  EXPECT_EQ(keeper_.counters().consents_lost, 2U);
}

TEST_F(IceKeeperTest, AChangedPairStartsAnewAndAnUnchangedOneGoesOn) {
  keeper_.set(spec(true), now_);
  pass(29 * kSecond);
  keeper_.set(spec(true), now_);
  contract::SessionSpec moved = spec(true);
  moved.revision = 2;
  moved.streams[0].leg[0].remote_rtp = at("192.0.2.11:4000");
  keeper_.set(moved, now_);
  pass(2 * kSecond);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(std::get<contract::ConsentLostEvent>(events_[0]).component, Component::kRtcp);
  sent_.clear();
  pass(7 * kSecond);
  ASSERT_FALSE(sent_.empty());
  EXPECT_EQ(sent_[0].to, at("192.0.2.11:4000"));
}

TEST_F(IceKeeperTest, MicrosoftPairsGetAnIndicationEveryFifteenSecondsAndLoseNothing) {
  keeper_.set(spec(true, StunForm::kMicrosoft), now_);
  pass(46 * kSecond);
  EXPECT_EQ(sent_.size(), 8U);  // two components, at nomination and three times since
  for (const SentPacket& one : sent_) {
    EXPECT_EQ(one.packet.size(), 28U);
    EXPECT_TRUE(one.message().header.is(StunType::kBindingIndication));
    EXPECT_TRUE(wire::verify_fingerprint(one.packet, one.message()));
  }
  pass(600 * kSecond);
  EXPECT_TRUE(events_.empty());
  EXPECT_TRUE(stopped_.empty());
}

TEST_F(IceKeeperTest, IndicationsOfThePeerAreConsumed) {
  keeper_.set(spec(true), now_);
  Octets buffer(100);
  wire::StunWriter writer(buffer, StunType::kBindingIndication, {});
  wire::fingerprint_stun(writer);
  buffer.resize(writer.message().size());
  take(buffer, peer_rtp_);
  EXPECT_EQ(keeper_.counters().indications_received, 1U);
  EXPECT_EQ(keeper_.refused(), 0U);
  EXPECT_TRUE(events_.empty());
}

TEST_F(IceKeeperTest, AFullQueueIsTriedAgain) {
  keeper_.set(spec(true), now_);
  full_ = true;
  pass(7 * kSecond);
  EXPECT_GT(keeper_.counters().not_sent, 2U);
  EXPECT_TRUE(sent_.empty());
  full_ = false;
  pass(kSecond / 10);
  EXPECT_EQ(sent_.size(), 2U);
}

TEST_F(IceKeeperTest, ManyDuePairsAreSpreadOverPolls) {
  for (std::uint64_t id = 1; id <= 100; ++id) keeper_.set(spec(true, StunForm::kMicrosoft, id), now_);
  keeper_.poll(now_);
  EXPECT_EQ(sent_.size(), IceKeeper::kMaxSendsAPoll);
  for (int i = 0; i < 6; ++i) keeper_.poll(now_);
  EXPECT_EQ(sent_.size(), 200U);
}

TEST_F(IceKeeperTest, APairOverTcpOfAProcessBeforeIsAskedUntilItHasProvedItself) {
  for (const StunForm form : {StunForm::kMicrosoft, StunForm::kRfc8489}) {
    sent_.clear();
    confirmed_.clear();
    keeper_.set(tcp_spec(true, form), now_);
    pass(2 * kSecond);
    ASSERT_EQ(sent_.size(), 4U);  // at once, then every half second
    for (const SentPacket& one : sent_) {
      EXPECT_EQ(one.to, peer_rtp_);
      EXPECT_TRUE(one.message().header.is(StunType::kBindingRequest));
      EXPECT_TRUE(wire::verify_integrity(one.packet, one.message(),
                                         Bytes(reinterpret_cast<const std::uint8_t*>(kTheirs.data()), kTheirs.size())));
    }
    Check stranger;
    take(make(stranger), stranger_);  // right password, but another connection
    EXPECT_EQ(confirmed_, std::vector{stranger_});
    pass(kSecond);
    EXPECT_EQ(sent_.size(), 6U);
    take(answer_to(sent_.back()), peer_rtp_);
    EXPECT_EQ(confirmed_.back(), peer_rtp_);
    pass(3 * kSecond);
    EXPECT_EQ(sent_.size(), 6U);
    pass(13 * kSecond);
    EXPECT_GT(sent_.size(), 6U);  // kept alive as any other
    EXPECT_EQ(sent_.back().message().header.is(StunType::kBindingIndication), form == StunForm::kMicrosoft);
    keeper_.forget({1});
  }
  EXPECT_TRUE(stopped_.empty());
}

TEST_F(IceKeeperTest, APairOverTcpThatNeverComesBackIsLostOnce) {
  keeper_.set(tcp_spec(true, StunForm::kMicrosoft), now_);
  pass(IceKeeper::kProveNs - kSecond);
  EXPECT_TRUE(events_.empty());
  pass(120 * kSecond);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(std::get<contract::ConsentLostEvent>(events_[0]).component, Component::kRtp);
  EXPECT_EQ(stopped_.size(), 1U);
  EXPECT_EQ(sent_.size(), IceKeeper::kProveNs / IceKeeper::kProveIntervalNs);
  // RFC 7675 5.1: nothing more is sent to whom consent was lost, though his check comes late.
  const Check late;
  take(make(late), peer_rtp_);
  sent_.clear();
  pass(60 * kSecond);
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(events_.size(), 1U);
  // From elsewhere it may still come: what is nominated then has proved itself.
  contract::SessionSpec moved = tcp_spec(true, StunForm::kMicrosoft);
  moved.streams[0].leg[0].remote_rtp = moved.streams[0].leg[0].remote_rtcp = at("192.0.2.10:4010");
  keeper_.set(moved, now_);
  pass(60 * kSecond);
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(IceKeeperTest, APairOverTcpThatIsNominatedNowHasProvedItself) {
  keeper_.set(tcp_spec(false, StunForm::kMicrosoft), now_);
  keeper_.set(tcp_spec(true, StunForm::kMicrosoft), now_);
  pass(14 * kSecond);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_TRUE(sent_[0].message().header.is(StunType::kBindingIndication));
}

TEST_F(IceKeeperTest, WhoKnowsThePasswordIsConfirmedOverTcp) {
  contract::SessionSpec over_tcp = tcp_spec(false);
  keeper_.set(over_tcp, now_);
  Check wrong;
  wrong.password = kTheirs;
  take(make(wrong), stranger_);
  EXPECT_TRUE(confirmed_.empty());
  take(make({}), peer_rtp_);
  EXPECT_EQ(confirmed_, std::vector{peer_rtp_});
  Check answer;  // to a check of the control plane's
  answer.type = StunType::kBindingSuccess;
  answer.password = kTheirs;
  take(make(answer), peer_rtcp_);
  EXPECT_EQ(confirmed_, (std::vector{peer_rtp_, peer_rtcp_}));
  over_tcp.streams[0].leg[0].transport = contract::LegTransport::kUdp;
  keeper_.set(over_tcp, now_);
  take(make({}), peer_rtp_);
  EXPECT_EQ(confirmed_.size(), 2U);
}

}  // namespace
}  // namespace isthmus::agent
