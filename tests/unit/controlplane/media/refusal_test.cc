#include "controlplane/media/refusal.h"

#include <gtest/gtest.h>

#include "controlplane/sdp/reader.h"

namespace isthmus::media {
namespace {

TEST(Refusal, SaysStatusAndWarningByKind) {
  EXPECT_EQ(make_refusal(RefusalKind::kMalformed, "x").status, 400);
  EXPECT_EQ(make_refusal(RefusalKind::kTooLarge, "x").status, 488);
  EXPECT_EQ(make_refusal(RefusalKind::kNoCommonCodec, "x").warn_code, 305);
  EXPECT_EQ(make_refusal(RefusalKind::kEncryptionRequired, "x").warn_code, 302);
  EXPECT_EQ(make_refusal(RefusalKind::kNoMedia, "x").warn_code, 304);
}

TEST(Refusal, TellsMicrosoftPeersInTheirNumbers) {
  for (const RefusalKind kind : {RefusalKind::kEncryptionRequired, RefusalKind::kEncryptionForbidden,
                                 RefusalKind::kKeysOverClearLink, RefusalKind::kNoCommonSuite}) {
    EXPECT_EQ(make_refusal(kind, "x").diagnosis.code, 52017) << to_string(kind);
    EXPECT_EQ(make_refusal(kind, "x").diagnosis.reason, "Encryption levels dont match");
  }
  for (const RefusalKind kind : {RefusalKind::kMalformed, RefusalKind::kTooLarge, RefusalKind::kNoMedia,
                                 RefusalKind::kNoCommonCodec, RefusalKind::kOlderIce, RefusalKind::kProtocol}) {
    EXPECT_EQ(make_refusal(kind, "x").diagnosis.code, 52063) << to_string(kind);
    EXPECT_EQ(make_refusal(kind, "x").diagnosis.reason, "Unsupported session description");
  }
}

TEST(Refusal, AParseErrorNamesTheLine) {
  const auto bad = sdp::parse("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nm=audio 70000 RTP/AVP 0\r\n");
  ASSERT_FALSE(bad.has_value());
  const Refusal refusal = refusal_from(bad.error());
  EXPECT_EQ(refusal.status, 400);
  EXPECT_EQ(warning_value(refusal, "gw.example.com"),
            "399 gw.example.com \"SDP line 4: m= has no port from 0 to 65535\"");
}

TEST(Refusal, TheWarningStaysAQuotedString) {
  EXPECT_EQ(warning_value(make_refusal(RefusalKind::kProtocol, "a \"b\"\\\r\nX: y"), "h"),
            "399 h \"a \\\"b\\\"\\\\  X: y\"");
}

}  // namespace
}  // namespace isthmus::media
