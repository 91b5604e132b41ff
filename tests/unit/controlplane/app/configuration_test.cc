#include "controlplane/app/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controlplane/sip/tls_laboratory.h"

namespace isthmus::app {
namespace {

// Eleven lines; what a test adds begins at line 12.
const std::string kSmall = R"([[listener]]
name = "udp"
transport = "udp"
address = "127.0.0.1"

[[network]]
name = "lab"

[[zone]]
name = "rooms"
peers = [{ host = "127.0.0.2" }]
)";

std::string problems_of(const std::string& added) {
  const auto checked = check_configuration(kSmall + added);
  return checked ? "good" : config::to_text(checked.error(), "f");
}

TEST(CheckConfiguration, GoodOnesAreGood) { EXPECT_EQ(problems_of(""), "good"); }

TEST(CheckConfiguration, PatternsAreCompiledAndToldByLineAndKeyOfTheFile) {
  EXPECT_EQ(problems_of("[[search_rule]]\nname = \"r\"\ntarget_zone = \"rooms\"\npattern = '(a'\n"),
            "f:15: search_rule[0].pattern: regex: missing ): (a\n");
  EXPECT_THAT(problems_of("[[transform]]\nname = \"t\"\npattern = 'a'\nreplacement = '\\3'\n"),
              testing::StartsWith("f:15: transform[0].replacement: "));
}

TEST(CheckConfiguration, FilesOfTlsListenersAreOpened) {
  sip::TlsLaboratory laboratory;
  const sip::TlsFiles good = laboratory.make("gateway");
  const sip::TlsFiles other = laboratory.make("other");
  const auto listener = [](const sip::TlsFiles& files) {
    return "[[listener]]\nname = \"tls\"\ntransport = \"tls\"\naddress = \"127.0.0.1\"\ncertificate = \"" +
           files.certificate + "\"\nprivate_key = \"" + files.private_key + "\"\ntrusted_ca = \"" + files.trusted_ca +
           "\"\n";
  };
  EXPECT_EQ(problems_of(listener(good)), "good");
  EXPECT_EQ(problems_of(listener({good.certificate, other.private_key, good.trusted_ca})),
            "f:17: listener[1].private_key: \"" + other.private_key + "\" is not the key of the certificate\n");
  EXPECT_EQ(problems_of(listener({"/nowhere", good.private_key, good.trusted_ca})),
            "f:16: listener[1].certificate: \"/nowhere\" cannot be read: No such file or directory\n");
  EXPECT_EQ(problems_of(listener({good.certificate, good.private_key, "/dev/null"})),
            "f:18: listener[1].trusted_ca: \"/dev/null\" holds no certificate in PEM form\n");
}

TEST(CheckConfiguration, ListOfKeysHasThemAll) {
  const std::string text = list_of_keys();
  for (const char* key : {"zone[].peers[].host", "limits.max_calls", "rest.allowed_hosts", "search_rule[].on_match"}) {
    EXPECT_NE(text.find(key), std::string::npos) << key;
  }
}

}  // namespace
}  // namespace isthmus::app
