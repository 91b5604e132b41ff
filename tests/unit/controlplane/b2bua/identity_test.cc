#include "controlplane/b2bua/identity.h"

#include <gtest/gtest.h>

#include "controlplane/b2bua/header_table.h"
#include "controlplane/sip/method.h"

namespace isthmus::b2bua {
namespace {

TEST(SplitNameAddress, TakesQuotesBracketsAndBareUris) {
  struct Case {
    const char* value;
    const char* display;
    const char* uri;
  };
  const Case cases[] = {{"<sip:a@b>;tag=1", "", "sip:a@b"},
                        {"\"A <b> \\\" c\" <sip:a@b;x=y>;tag=1", "\"A <b> \\\" c\"", "sip:a@b;x=y"},
                        {"Ann Lee <sip:a@b>", "Ann Lee", "sip:a@b"},
                        {"sip:a@b;tag=1", "", "sip:a@b"},
                        {"", "", ""},
                        {"\"open", "", "\"open"},
                        {"<sip:a@b", "", "sip:a@b"}};
  for (const Case& c : cases) {
    EXPECT_EQ(split_name_address(c.value).display, c.display) << c.value;
    EXPECT_EQ(split_name_address(c.value).uri, c.uri) << c.value;
  }
}

// R42, R43.
TEST(IdentityFor, RepairsAddressesAndObeysRules) {
  struct Case {
    const char* from;
    const char* zone;
    const char* rule;
    const char* expected;
  };
  const Case cases[] = {
      {"\"Room\" <sip:3001@10.10.2.1>;tag=x", "video.example.com", "", "\"Room\" <sip:3001@video.example.com>"},
      {"<sip:10.10.2.1>;tag=x", "video.example.com", "", "<sip:10.10.2.1@video.example.com>"},
      {"<sip:3001@[2001:db8::1]:5060>", "video.example.com", "", "<sip:3001@video.example.com>"},
      {"<sip:3001@10.10.2.1:5060;user=phone>", "video.example.com", "", "<sip:3001@video.example.com;user=phone>"},
      {"<sip:ann@example.com>", "video.example.com", "", "<sip:ann@example.com>"},
      {"<sip:ann@example.com:5060>", "", "lync.example.com", "<sip:ann@lync.example.com>"},
      {"<sip:3001@10.10.2.1>", "", "", "<sip:3001@10.10.2.1>"},
      {"sip:3001@10.10.2.1;tag=x", "video.example.com", "", "<sip:3001@video.example.com>"},
  };
  for (const Case& c : cases) EXPECT_EQ(identity_for(c.from, c.zone, c.rule), c.expected) << c.from;
}

TEST(RepairIdentities, ChangesIdentityHeadersOnlyAndKeepsTheirParameters) {
  Headers headers{{"P-Asserted-Identity", "<sip:3001@10.10.2.1>"},
                  {"Diversion", "<sip:3002@10.10.2.1>;reason=unconditional"},
                  {"Subject", "<sip:3001@10.10.2.1>"},
                  {"p-asserted-identity", "<sip:a@10.0.0.1>, <tel:+1>"}};
  repair_identities(headers, "video.example.com", "");
  EXPECT_EQ(headers[0].value, "<sip:3001@video.example.com>");
  EXPECT_EQ(headers[1].value, "<sip:3002@video.example.com>;reason=unconditional");
  EXPECT_EQ(headers[2].value, "<sip:3001@10.10.2.1>");
  EXPECT_EQ(headers[3].value, "<sip:a@10.0.0.1>, <tel:+1>");
}

TEST(RandomToken, IsHexOfTheWantedLength) {
  SeededRandom random(1);
  const std::string token = random_token(random, 8);
  EXPECT_EQ(token.size(), 16U);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(random_token(random, 8), token);
}

TEST(HeaderTable, CrossesByNameKindAndDialect) {
  constexpr auto kS = Dialect::kStandards;
  constexpr auto kM = Dialect::kMicrosoft;
  EXPECT_TRUE(crosses("subject", MessageKind::kRequest, kS, kS));
  EXPECT_FALSE(crosses("Subject", MessageKind::kResponse, kS, kS));
  EXPECT_TRUE(crosses("Warning", MessageKind::kResponse, kS, kM));
  EXPECT_TRUE(crosses("Referred-By", MessageKind::kRequest, kM, kM));
  EXPECT_FALSE(crosses("Referred-By", MessageKind::kRequest, kM, kS));
  EXPECT_TRUE(crosses("history-info", MessageKind::kRequest, kS, kM));
  EXPECT_FALSE(crosses("history-info", MessageKind::kRequest, kM, kS));
  for (const char* never : {"Via", "Route", "Record-Route", "Contact", "Authorization", "Proxy-Authorization",
                            "WWW-Authenticate", "Identity", "Require", "Supported", "Session-Expires", "User-Agent",
                            "Content-Type", "X-Anything", "", "Subject2", "Ms-Conversation-ID", "ms-diagnostics"}) {
    for (const auto kind : {MessageKind::kRequest, MessageKind::kResponse}) {
      EXPECT_FALSE(crosses(never, kind, kS, kS)) << never;
      EXPECT_FALSE(crosses(never, kind, kM, kM)) << never;
    }
  }
}

TEST(HeaderTable, HasNoRowOfWhatIsPassedOverAsOfOneLeg) {
  using sip::HeaderId;
  for (auto id = HeaderId::kVia; id != HeaderId::kOther; id = static_cast<HeaderId>(static_cast<int>(id) + 1)) {
    if (!sip::is_of_one_leg(id)) continue;
    for (const auto kind : {MessageKind::kRequest, MessageKind::kResponse}) {
      for (const auto dialect : {Dialect::kStandards, Dialect::kMicrosoft}) {
        EXPECT_FALSE(crosses(sip::to_string(id), kind, dialect, dialect)) << sip::to_string(id);
      }
    }
  }
  EXPECT_TRUE(sip::is_of_one_leg(HeaderId::kContact));
  EXPECT_FALSE(sip::is_of_one_leg(HeaderId::kReason));
}

// [MS-SIPRE], [MS-CONMGMT] and the rest: none of their words reaches a standards peer, in any message.
TEST(HeaderTable, NothingMicrosoftLeaksToStandards) {
  for (const char* word : {"Ms-Conversation-ID",
                           "ms-keep-alive",
                           "ms-subnet",
                           "ms-endpoint-location-data",
                           "ms-client-diagnostics",
                           "ms-diagnostics",
                           "ms-diagnostics-public",
                           "ms-split-domain-info",
                           "ms-edge-proxy-message-trust",
                           "history-info",
                           "Ms-Sensitivity",
                           "ms-user-logon-data",
                           "ms-application-via",
                           "CCCID",
                           "Accept-Language",
                           "ms-text-format",
                           "ms-im-format",
                           "Roster-Manager",
                           "EndPoints",
                           "TriggeredInvite",
                           "Referred-By"}) {
    for (const auto kind : {MessageKind::kRequest, MessageKind::kResponse}) {
      EXPECT_FALSE(crosses(word, kind, Dialect::kMicrosoft, Dialect::kStandards)) << word;
    }
  }
}

TEST(HeaderTable, FiltersForEachTarget) {
  const Headers taken{{"Subject", "x"}, {"Ms-Sensitivity", "normal"}};
  EXPECT_EQ(crossing_to(taken, MessageKind::kRequest, Dialect::kMicrosoft, Dialect::kMicrosoft), taken);
  EXPECT_EQ(crossing_to(taken, MessageKind::kRequest, Dialect::kMicrosoft, Dialect::kStandards),
            (Headers{{"Subject", "x"}}));
}

}  // namespace
}  // namespace isthmus::b2bua
