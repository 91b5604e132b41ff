#include "controlplane/trust/trust_table.h"

#include <gtest/gtest.h>

namespace isthmus::trust {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

TrustedHost host(const char* network, const char* zone, const char* listener = "") {
  TrustedHost h;
  h.name = network;
  h.network = IpPrefix::parse(network).value();
  h.zone = zone;
  h.listener = listener;
  return h;
}

std::string zone_of(const TrustTable& table, const char* address, std::string_view listener = "tls") {
  const auto trusted = table.identify({ip(address), listener, {}});
  return trusted ? std::string(trusted->zone) : "refused";
}

TEST(TrustTable, UnlistedIsRefused) {
  EXPECT_EQ(zone_of(TrustTable(), "10.0.0.1"), "refused");
  EXPECT_EQ(zone_of(TrustTable({host("10.0.0.1", "ucm")}), "10.0.0.2"), "refused");
}

TEST(TrustTable, LongestPrefixWins) {
  const TrustTable table({host("10.0.0.0/8", "wide"), host("10.0.0.0/16", "narrow"), host("10.0.0.1", "exact"),
                          host("2001:db8::/32", "six")});
  EXPECT_EQ(zone_of(table, "10.9.0.1"), "wide");
  EXPECT_EQ(zone_of(table, "10.0.7.1"), "narrow");
  EXPECT_EQ(zone_of(table, "10.0.0.1"), "exact");
  EXPECT_EQ(zone_of(table, "2001:db8::77"), "six");
  EXPECT_EQ(zone_of(table, "::ffff:10.0.0.1"), "exact");
}

TEST(TrustTable, EntryOfTheListenerBeatsOneForAny) {
  const TrustTable table({host("10.0.0.1", "any"), host("10.0.0.1", "on-tcp", "tcp"), host("10.0.0.2", "tls", "tls")});
  EXPECT_EQ(zone_of(table, "10.0.0.1", "tcp"), "on-tcp");
  EXPECT_EQ(zone_of(table, "10.0.0.1", "tls"), "any");
  EXPECT_EQ(zone_of(table, "10.0.0.2", "tcp"), "refused");
}

TEST(TrustTable, OfEqualEntriesTheFirstCounts) {
  EXPECT_EQ(zone_of(TrustTable({host("10.0.0.1", "first"), host("10.0.0.1", "second")}), "10.0.0.1"), "first");
}

TEST(TrustTable, CertificateNameComesBeforeTheAddress) {
  TrustedHost by_name;
  by_name.name = "front end";
  by_name.certificate_name = "FE1.example.com";
  by_name.zone = "lync";
  const TrustTable table({host("10.0.0.1", "ucm"), by_name});
  const std::vector<std::string> names{"other.example.com", "fe1.EXAMPLE.com"};
  EXPECT_EQ(table.identify({ip("10.0.0.1"), "tls", names})->zone, "lync");
  EXPECT_EQ(table.identify({ip("192.0.2.9"), "tls", names})->host, "front end");
  EXPECT_FALSE(table.identify({ip("192.0.2.9"), "tls", {}}));
}

TEST(TrustTable, WhereCertificatesAreDemandedAnAddressSaysNothing) {
  TrustedHost by_name;
  by_name.certificate_name = "2001:DB8::0:1";
  by_name.zone = "lync";
  TrustedHost anybody = host("0.0.0.0/0", "guests");
  anybody.listener = "open";
  const TrustTable table({host("10.0.0.1", "ucm"), host("0.0.0.0/0", "world"), by_name, anybody});
  const std::vector<std::string> names{"2001:db8::1"};
  const std::vector<std::string> others{"other.example.com"};
  EXPECT_EQ(table.identify({ip("10.0.0.1"), "tls", others, false})->zone, "ucm");
  EXPECT_FALSE(table.identify({ip("10.0.0.1"), "tls", others, true}));
  EXPECT_FALSE(table.identify({ip("10.0.0.1"), "tls", {}, true}));
  EXPECT_EQ(table.identify({ip("10.0.0.1"), "tls", names, true})->zone, "lync");
  EXPECT_EQ(table.identify({ip("10.0.0.1"), "open", others, true})->zone, "guests");
}

TEST(TrustedHostsOf, PeersWithCertificatesAreListedByNameToo) {
  config::ControlPlane configuration;
  config::Zone lync;
  lync.name = "lync";
  lync.peers = {{"10.0.0.1", 5061, config::Transport::kTls, "FE1.example.com"},
                {"10.0.0.2", 5061, config::Transport::kTls},
                {"fe3.example.com", 5061, config::Transport::kTls}};
  configuration.zones = {lync};
  const TrustTable table(trusted_hosts_of(configuration).value());
  for (const char* name : {"fe1.example.com", "10.0.0.2", "fe3.example.com"}) {
    const std::vector<std::string> names{name};
    const auto trusted = table.identify({ip("192.0.2.77"), "tls", names, true});
    ASSERT_TRUE(trusted) << name;
    EXPECT_EQ(trusted->zone, "lync");
  }
  const std::vector<std::string> numeric{"10.0.0.1"};
  EXPECT_FALSE(table.identify({ip("192.0.2.77"), "tls", numeric, true}));  // its name is another one
  EXPECT_TRUE(table.identify({ip("10.0.0.1"), "tls", {}, false}));
}

TEST(TrustTable, TakesAThousandEntries) {
  std::vector<TrustedHost> hosts;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    TrustedHost h;
    h.network = IpPrefix{IpAddress::v4(0x0a000000U + i * 7), 32};
    h.zone = "z" + std::to_string(i);
    hosts.push_back(h);
  }
  const TrustTable table(std::move(hosts));
  EXPECT_EQ(table.identify({IpAddress::v4(0x0a000000U + 999 * 7), "", {}})->zone, "z999");
  EXPECT_FALSE(table.identify({IpAddress::v4(0x0a000001U), "", {}}));
}

TEST(TrustedHostsOf, ListsHostsPeersAndOpenListeners) {
  config::ControlPlane configuration;
  configuration.listeners = {{"tcp", config::Transport::kTcp, ip("192.0.2.1"), 5060, "", "guests"},
                             {"tls", config::Transport::kTls, ip("192.0.2.1"), 5061, "", ""}};
  config::Zone ucm;
  ucm.name = "ucm";
  ucm.peers = {{"10.0.0.1", 5060, config::Transport::kTcp}, {"ucm.example.com", 5060, config::Transport::kTcp}};
  configuration.zones = {ucm};
  configuration.trusted_hosts = {{"front ends", "10.1.0.0/16", "", "tls", "lync"},
                                 {"fe", "", "fe.example.com", "", "x"}};
  const TrustTable table(trusted_hosts_of(configuration).value());
  EXPECT_EQ(zone_of(table, "10.0.0.1", "tls"), "ucm");
  EXPECT_EQ(zone_of(table, "10.0.0.1", "tcp"), "ucm");
  EXPECT_EQ(zone_of(table, "10.1.2.3", "tls"), "lync");
  EXPECT_EQ(zone_of(table, "10.1.2.3", "tcp"), "guests");
  EXPECT_EQ(zone_of(table, "2001:db8::1", "tcp"), "guests");
  EXPECT_EQ(zone_of(table, "2001:db8::1", "tls"), "refused");

  configuration.trusted_hosts[0].network = "10.1.0.0/99";
  EXPECT_EQ(trusted_hosts_of(configuration).error().field, "trusted_host[0].network");
}

}  // namespace
}  // namespace isthmus::trust
