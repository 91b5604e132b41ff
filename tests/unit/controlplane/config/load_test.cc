#include "controlplane/config/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace isthmus::config {
namespace {

// The smallest that can be run; each test adds to it or takes its place. Ten lines.
constexpr std::string_view kSmall = R"([[listener]]
name = "udp"
transport = "udp"
address = "127.0.0.1"
[[network]]
name = "lab"
[[zone]]
name = "rooms"
peers = [{ host = "127.0.0.2" }]

)";

std::string problems_of(const std::string& text) {
  const auto loaded = load_text(text);
  return loaded ? "accepted" : to_text(loaded.error(), "f");
}

TEST(ConfigLoad, SmallestConfigurationHasTheDefaultsOfTheRequirements) {
  const auto config = load_text(kSmall);
  ASSERT_TRUE(config) << to_text(config.error(), "small");
  EXPECT_EQ(config->limits.max_calls, 100U);                   // R31
  EXPECT_EQ(config->zones[0].hop_count, 15);                   // R54
  EXPECT_EQ(config->zones[0].session_interval.count(), 1800);  // R55
  EXPECT_EQ(config->zones[0].session_minimum.count(), 500);
  EXPECT_EQ(config->zones[0].media_encryption, MediaEncryption::kAuto);  // R171
  EXPECT_FALSE(config->zones[0].keys_over_clear);
  EXPECT_TRUE(config->zones[0].monitor);
  EXPECT_EQ(port_of(config->zones[0].peers[0]), 5060);  // R50
  EXPECT_EQ(config->timers.t1.count(), 500);            // R52
  EXPECT_EQ(config->timers.t2.count(), 4000);
  EXPECT_EQ(config->timers.invite_expiry.count(), 180);
  EXPECT_EQ(to_string(config->rest.address), "127.0.0.1");
  EXPECT_EQ(config->rest.port, 8480);
}

TEST(ConfigLoad, ExampleOfTheReadmeIsRead) {
  const auto repository = std::filesystem::path(ISTHMUS_TEST_DATA).parent_path().parent_path();
  std::ifstream readme(repository / "controlplane/config/README.md");
  std::stringstream text;
  text << readme.rdbuf();
  const std::string all = text.str();
  const std::size_t begin = all.find("```toml\n");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = all.find("```", begin + 3);
  const auto config = load_text(std::string_view(all).substr(begin + 8, end - begin - 8));
  ASSERT_TRUE(config) << to_text(config.error(), "README.md");
  EXPECT_EQ(config->node.host_name, "gateway.video.example.com");
  ASSERT_EQ(config->zones.size(), 2U);
  EXPECT_TRUE(config->zones[0].keys_over_clear);
  EXPECT_EQ(config->zones[1].audio_codecs, (std::vector<Codec>{{"PCMU", 0}, {"PCMA", 0}}));
  EXPECT_EQ(config->network_of(config->zones[1])->name, "rooms");
  EXPECT_EQ(config->transforms[0].action, TransformAction::kStripPort);
  EXPECT_EQ(config->search_rules[0].replacement, "\\1@rooms.example.com");
  EXPECT_EQ(config->find_listener("office-tcp")->transport, Transport::kTcp);
}

using Dscp = DscpMarking;

Dscp audio_dscp(const std::string& written) {
  const auto config =
      load_text("[[zone]]\nname = \"marked\"\npeers = [{ host = \"127.0.0.3\" }]\naudio_dscp = " + written + "\n" +
                std::string(kSmall));
  EXPECT_TRUE(config) << to_text(config.error(), "f");
  return config ? config->zones[0].audio_dscp : Dscp{};
}

TEST(ConfigLoad, DscpIsAValueACopyOrAMap) {  // R77
  const auto config = load_text(kSmall);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->zones[0].audio_dscp, (Dscp{Dscp::Rule::kSet, 46, {}}));  // EF
  EXPECT_EQ(config->zones[0].video_dscp, (Dscp{Dscp::Rule::kSet, 34, {}}));  // AF41
  EXPECT_EQ(audio_dscp("0"), (Dscp{Dscp::Rule::kSet, 0, {}}));
  EXPECT_EQ(audio_dscp("63"), (Dscp{Dscp::Rule::kSet, 63, {}}));
  EXPECT_EQ(audio_dscp("\"copy\""), (Dscp{Dscp::Rule::kCopy, 46, {}}));
  EXPECT_EQ(audio_dscp("{ 46 = 40, 0 = 8, other = 10 }"), (Dscp{Dscp::Rule::kMap, 10, {{0, 8}, {46, 40}}}));
  EXPECT_EQ(audio_dscp("{}"), (Dscp{Dscp::Rule::kMap, 46, {}}));
}

TEST(ConfigLoad, DscpOutsideItsRangeIsTold) {
  const auto wrong = [](const std::string& written) {
    return problems_of("[[zone]]\nname = \"marked\"\npeers = [{ host = \"127.0.0.3\" }]\nvideo_dscp = " + written +
                       "\n" + std::string(kSmall));
  };
  EXPECT_EQ(wrong("64"), "f:4: zone[0].video_dscp: is 64, should be in 0..63\n");
  EXPECT_EQ(wrong("\"EF\""), "f:4: zone[0].video_dscp: is \"EF\", should be 0..63, \"copy\" or a map\n");
  EXPECT_EQ(wrong("{ 46 = 64 }"), "f:4: zone[0].video_dscp.46: is 64, should be in 0..63\n");
  EXPECT_NE(wrong("{ 64 = 1 }"), "accepted");
  EXPECT_NE(wrong("{ 04 = 1, 4 = 1 }"), "accepted");
  EXPECT_NE(wrong("{ 4x = 1 }"), "accepted");
}

TEST(ConfigLoad, ZoneWithoutNetworkHasTheFirst) {
  const auto config = load_text(kSmall);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->network_of(config->zones[0])->name, "lab");
}

TEST(ConfigLoad, ZoneSpeaksAsItsDialectSays) {  // R40
  const auto plain = load_text(kSmall);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->zones[0].dialect, Dialect::kStandards);
  const auto config = load_text(std::string(kSmall) +
                                "[[zone]]\nname = \"fe\"\ndialect = \"microsoft\"\n"
                                "peers = [{ host = \"127.0.0.9\" }]\n");
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->find_zone("fe")->dialect, Dialect::kMicrosoft);
}

TEST(ControlPlane, MicrosoftListenersAreNamed) {
  ControlPlane config;
  config.listeners.resize(2);
  config.listeners[0].name = "fe";
  config.listeners[0].transport = Transport::kTls;
  config.listeners[1].name = "rooms";
  config.zones.resize(1);
  config.zones[0].listener = "fe";
  config.node.host_name = "gw.contoso.test";
  EXPECT_EQ(config.advertised_host(config.listeners[0]), "");
  config.zones[0].dialect = Dialect::kMicrosoft;
  EXPECT_EQ(config.advertised_host(config.listeners[0]), "gw.contoso.test");
  EXPECT_EQ(config.advertised_host(config.listeners[1]), "");
  config.listeners[0].advertised_host = "sip.contoso.test";
  EXPECT_EQ(config.advertised_host(config.listeners[0]), "sip.contoso.test");
  config.listeners[0].advertised_host.clear();
  config.node.host_name = "localhost";
  EXPECT_EQ(config.advertised_host(config.listeners[0]), "");
}

TEST(ConfigLoad, SevenPeersAreTaken) {  // R172
  std::string text = R"([[listener]]
name = "udp"
transport = "udp"
address = "127.0.0.1"
[[network]]
name = "lab"
[[zone]]
name = "rooms"
peers = [)";
  for (int i = 1; i <= 7; ++i) text += "{ host = \"127.0.0." + std::to_string(i) + "\" }, ";
  const auto config = load_text(text + "]\n");
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->zones[0].peers.size(), 7U);
}

struct Golden {
  const char* name;
  const char* added;  ///< behind kSmall: its first line is line 11
  const char* expected;
};

class ConfigProblem : public testing::TestWithParam<Golden> {};

TEST_P(ConfigProblem, IsToldWithLineAndKey) {
  EXPECT_EQ(problems_of(std::string(kSmall) + GetParam().added), GetParam().expected);
}

const Golden kGolden[] = {
    {"UnknownTable", "[limit]\nmax_calls = 3\n",
     "f:11: limit: unknown key (known here: log_level, node, listener, network, zone, transform, search_rule, "
     "trusted_host, limits, timers, rest)\n"},
    {"UnknownKey", "[limits]\nmax_cals = 3\n",
     "f:12: limits.max_cals: unknown key (known here: max_calls, max_calls_per_source, calls_per_second, "
     "calls_per_second_per_source, connections_per_source, trusted_hosts_advisory)\n"},
    {"BelowRange", "[limits]\nmax_calls = 0\n", "f:12: limits.max_calls: is 0, should be in 1..100000\n"},
    {"AboveRange", "[limits]\nmax_calls = 100001\n", "f:12: limits.max_calls: is 100001, should be in 1..100000\n"},
    {"WrongKind", "[limits]\nmax_calls = \"many\"\n", "f:12: limits.max_calls: is a text, should be a whole number\n"},
    {"Real", "[limits]\nmax_calls = 1.5\n",
     "f:12: limits.max_calls: is a floating-point number, should be a whole number\n"},
    {"Date", "[limits]\nmax_calls = 2026-11-23\n",
     "f:12: limits.max_calls: is a date or time, should be a whole number\n"},
    {"NotAList", "[trusted_host]\nname = \"a\"\n", "f:11: trusted_host: is a table, should be a list\n"},
    {"MissingKey", "[[trusted_host]]\nname = \"a\"\nnetwork = \"10.0.0.1\"\n",
     "f:11: trusted_host[0].zone: is missing\n"},
    {"EmptyName", "[[network]]\nname = \"\"\n", "f:12: network[1].name: has 0 bytes, should have 1..32\n"},
    {"ControlCharacter", "[node]\nuser_agent = \"a\\r\\nb\"\n",
     "f:12: node.user_agent: has a control character in it\n"},
    {"BadChoice", "[[zone]]\nname = \"z\"\nmedia_encryption = \"on\"\n",
     "f:13: zone[1].media_encryption: is \"on\", should be \"required\" | \"auto\" | \"off\"\n"},
    {"BadAddress", "[rest]\naddress = \"localhost\"\n", "f:12: rest.address: \"localhost\" is no IP address\n"},
    {"BadCodec", "[[zone]]\nname = \"z\"\naudio_codecs = [\"PCMU\", \"opus/x\"]\n",
     "f:13: zone[1].audio_codecs[1]: \"opus/x\" is no codec; write a name such as \"opus\" or name/clock such as "
     "\"PCMU/8000\"\n"},
    {"Syntax", "[limits\n", "f:11: Error while parsing table header: expected ']', saw '\\n'\n"},
    {"NameTwice", "[[zone]]\nname = \"rooms\"\n", "f:12: zone[1].name: \"rooms\" is used twice\n"},
    {"NoSuchNetwork", "[[zone]]\nname = \"z\"\nnetwork = \"x\"\n",
     "f:13: zone[1].network: there is no [[network]] \"x\" (known: \"lab\")\n"},
    {"NoSuchListener", "[[zone]]\nname = \"z\"\nlistener = \"x\"\n",
     "f:13: zone[1].listener: there is no [[listener]] \"x\" (known: \"udp\")\n"},
    {"NoSuchZone", "[[search_rule]]\nname = \"r\"\npattern = \"a\"\ntarget_zone = \"x\"\n",
     "f:14: search_rule[0].target_zone: there is no [[zone]] \"x\" (known: \"rooms\")\n"},
    {"NoPattern", "[[search_rule]]\nname = \"r\"\ntarget_zone = \"rooms\"\n",
     "f:11: search_rule[0].pattern: is missing (mode is \"alias_pattern\")\n"},
    {"TargetWithoutPeers",
     "[[zone]]\nname = \"z\"\n[[search_rule]]\nname = \"r\"\nmode = \"any_alias\"\ntarget_zone = \"z\"\n",
     "f:16: search_rule[0].target_zone: zone \"z\" has no peers to send calls to\n"},
    {"TlsListener", "[[listener]]\nname = \"t\"\ntransport = \"tls\"\naddress = \"127.0.0.1\"\n",
     "f:11: listener[1].certificate: is missing: a TLS listener needs certificate, private_key and trusted_ca\n"
     "f:11: listener[1].private_key: is missing: a TLS listener needs certificate, private_key and trusted_ca\n"
     "f:11: listener[1].trusted_ca: is missing: a TLS listener needs certificate, private_key and trusted_ca\n"},
    {"CertificateInTheClear",
     "[[listener]]\nname = \"t\"\ntransport = \"tcp\"\naddress = \"127.0.0.1\"\ncertificate = \"x.pem\"\n",
     "f:15: listener[1].certificate: is for transport \"tls\" alone\n"},
    {"BadClientCertificate",
     "[[listener]]\nname = \"t\"\ntransport = \"tls\"\naddress = \"127.0.0.1\"\nclient_certificate = \"yes\"\n",
     "f:15: listener[1].client_certificate: is \"yes\", should be \"none\" | \"optional\" | \"required\"\n"},
    {"TlsPeerWithoutListener", "[[zone]]\nname = \"z\"\npeers = [{ host = \"127.0.0.3\", transport = \"tls\" }]\n",
     "f:13: zone[1].peers[0].transport: there is no listener with this transport to send from\n"},
    {"NameOfAClearPeer", "[[zone]]\nname = \"z\"\npeers = [{ host = \"127.0.0.3\", name = \"fe.example.com\" }]\n",
     "f:13: zone[1].peers[0].name: is for transport \"tls\" alone: nothing else has a certificate\n"},
    {"BadNameOfATlsPeer",
     "[[zone]]\nname = \"z\"\npeers = [{ host = \"127.0.0.3\", transport = \"tls\", name = \"fe example\" }]\n",
     "f:13: zone[1].peers[0].name: \"fe example\" is neither a host name nor an IP address\n"
     "f:13: zone[1].peers[0].transport: there is no listener with this transport to send from\n"},
    {"SameSocketTwice", "[[listener]]\nname = \"u2\"\ntransport = \"udp\"\naddress = \"127.0.0.1\"\nport = 5060\n",
     "f:15: listener[1].port: another listener has the same transport, address and port\n"},
    {"AnyAddressWithoutName", "[[listener]]\nname = \"any\"\ntransport = \"udp\"\naddress = \"0.0.0.0\"\n",
     "f:11: listener[1].advertised_host: is needed with the address 0.0.0.0, which no peer can answer to\n"},
    {"PeerWithoutListener", "[[zone]]\nname = \"z\"\npeers = [{ host = \"10.0.0.1\", transport = \"tcp\" }]\n",
     "f:13: zone[1].peers[0].transport: there is no listener with this transport to send from\n"},
    {"PeerIsNoName", "[[zone]]\nname = \"z\"\npeers = [{ host = \"cucm example\" }]\n",
     "f:13: zone[1].peers[0].host: \"cucm example\" is neither a host name nor an IP address\n"},
    {"SessionMinimum", "[[zone]]\nname = \"z\"\nsession_minimum_s = 1801\n",
     "f:13: zone[1].session_minimum_s: is more than session_interval_s (RFC 4028 4)\n"},
    {"RequiredWithoutTls", "[[zone]]\nname = \"z\"\nmedia_encryption = \"required\"\n",
     "f:13: zone[1].media_encryption: \"required\" needs signalling over TLS, and neither a peer nor the listener of "
     "the zone has it: no call could "
     "be encrypted. In a laboratory, keys_over_clear = true sends the keys in the clear\n"},
    {"NetworkWithoutFamily", "[[network]]\nname = \"n\"\nipv4 = false\n",
     "f:13: network[1].ipv4: the network has neither IPv4 nor IPv6\n"},
    {"PreferredFamilyMissing", "[[network]]\nname = \"n\"\npreferred = \"ipv6\"\n",
     "f:13: network[1].preferred: is a family that the network does not have\n"},
    {"TrustedHostOfNeitherKind", "[[trusted_host]]\nname = \"a\"\nzone = \"rooms\"\n",
     "f:11: trusted_host[0].network: give either network or certificate_name\n"},
    {"TrustedHostTooManyBits", "[[trusted_host]]\nname = \"a\"\nzone = \"rooms\"\nnetwork = \"10.0.0.0/33\"\n",
     "f:14: trusted_host[0].network: \"10.0.0.0/33\" is neither an IP address nor address/bits such as "
     "\"10.10.0.0/16\"\n"},
    {"TimersOrder", "[timers]\nt1_ms = 5000\n", "f:11: timers.t2_ms: is less than t1_ms (RFC 3261 17.1.2.1)\n"},
    {"RestOffLoopback", "[rest]\naddress = \"10.0.0.1\"\n",
     "f:12: rest.address: must be a loopback address: off loopback the interface needs TLS, which does not exist "
     "yet\n"},
    {"NoAllowedHosts", "[rest]\nallowed_hosts = []\n",
     "f:12: rest.allowed_hosts: is empty: every request would be refused\n"},
    {"AllAtOnce", "[limits]\nmax_calls = 0\n[[zone]]\nname = \"rooms\"\nnetwork = \"x\"\n[rest]\nport = 70000\n",
     "f:12: limits.max_calls: is 0, should be in 1..100000\n"
     "f:14: zone[1].name: \"rooms\" is used twice\n"
     "f:15: zone[1].network: there is no [[network]] \"x\" (known: \"lab\")\n"
     "f:17: rest.port: is 70000, should be in 0..65535\n"},
};

std::string name_of(const testing::TestParamInfo<Golden>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Golden, ConfigProblem, testing::ValuesIn(kGolden), name_of);

TEST(ConfigLoad, PeersMayBeNames) {
  const std::string zone = "[[zone]]\nname = \"z\"\npeers = [{ host = \"cucm.example.com\" }]\n";
  const auto config = load_text(std::string(kSmall) + zone);
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->zones[1].peers[0].port, 0);  // its SRV records say it
}

TEST(ConfigLoad, TlsHasItsOwnDefaultPort) {
  const std::string listener =
      "[[listener]]\nname = \"t\"\ntransport = \"tls\"\naddress = \"127.0.0.1\"\ncertificate = \"c\"\n"
      "private_key = \"k\"\ntrusted_ca = \"a\"\n";
  const std::string zone =
      "[[zone]]\nname = \"z\"\nmedia_encryption = \"required\"\npeers = [{ host = \"127.0.0.3\", transport = \"tls\" "
      "}, "
      "{ host = \"127.0.0.4\", port = 5070, transport = \"tls\", name = \"fe.example.com\" }]\n";
  const auto config = load_text(std::string(kSmall) + listener + zone);
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->listeners[0].port, 5060);
  EXPECT_EQ(config->listeners[1].port, 5061);
  EXPECT_EQ(config->listeners[1].client_certificate, ClientCertificate::kRequired);
  EXPECT_EQ(port_of(config->zones[0].peers[0]), 5060);
  EXPECT_EQ(port_of(config->zones[1].peers[0]), 5061);
  EXPECT_EQ(name_of(config->zones[1].peers[0]), "127.0.0.3");
  EXPECT_EQ(port_of(config->zones[1].peers[1]), 5070);
  EXPECT_EQ(name_of(config->zones[1].peers[1]), "fe.example.com");
  EXPECT_EQ(load_text(std::string(kSmall) + listener + "port = 0\n")->listeners[1].port, 0);
  EXPECT_EQ(load_text(std::string(kSmall) + listener + "port = 65072\n")->listeners[1].port, 65072);
}

TEST(ConfigLoad, EmptyFileSaysWhatIsNeeded) {
  EXPECT_EQ(problems_of(""),
            "f: listener: there is none: nobody could call; add a [[listener]]\n"
            "f: network: there is none: media needs one; add a [[network]]\n");
}

TEST(ConfigLoad, DeepNestingIsRefusedPastTheBound) {
  const auto nested = [](int depth) {
    return "x = " + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "\n" + std::string(kSmall);
  };
  EXPECT_EQ(problems_of(nested(8)).find("nested deeper"), std::string::npos);
  EXPECT_EQ(problems_of(nested(10)), "f:1: nested deeper than 8\n");
}

TEST(ConfigLoad, ListPastItsBoundIsOneProblem) {
  std::string hosts;
  for (int i = 0; i < 65; ++i) hosts += "\"h\",";
  EXPECT_EQ(problems_of(std::string(kSmall) + "[rest]\nallowed_hosts = [" + hosts + "]\n"),
            "f:12: rest.allowed_hosts: has 65 entries, at most 64\n");
}

TEST(ConfigLoad, MissingFileIsAProblemAndNotAnException) {
  const auto config = load_file("/nonexistent/isthmus.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(to_text(config.error(), "isthmus.toml"), "isthmus.toml: cannot be read: No such file or directory\n");
}

TEST(ConfigLoad, DirectoryIsAProblem) { EXPECT_FALSE(load_file("/")); }

}  // namespace
}  // namespace isthmus::config
