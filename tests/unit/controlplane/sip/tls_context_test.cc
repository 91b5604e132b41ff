#include "controlplane/sip/tls_context.h"

#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "tests/unit/controlplane/sip/tls_laboratory.h"

namespace isthmus::sip {
namespace {

class TlsContextTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(laboratory.path(name)) << text;
    return laboratory.path(name);
  }
  std::string text_of(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Error error_of(const TlsFiles& files) {
    const auto loaded = TlsContext::load(files, ClientCertificate::kRequired);
    return loaded ? Error{} : loaded.error();
  }

  TlsLaboratory laboratory;
  TlsFiles good = laboratory.make("gateway");
};

TEST_F(TlsContextTest, KnowsWhenItsCertificateEnds) {
  const auto context = TlsContext::load(good, ClientCertificate::kOptional);
  ASSERT_TRUE(context);
  const auto left = (*context)->expires_at() - std::chrono::system_clock::now();
  EXPECT_GT(left, std::chrono::hours(24 * 29));
  EXPECT_LT(left, std::chrono::hours(24 * 31));
  EXPECT_EQ((*context)->client_certificate(), ClientCertificate::kOptional);
}

TEST_F(TlsContextTest, SaysWhichFileIsWrongAndHow) {
  const TlsFiles other = laboratory.make("other");
  const std::string certificate = text_of(good.certificate);
  struct Case {
    const char* what;
    TlsFiles files;
    const char* field;
    const char* says;
  };
  const std::string half = certificate.substr(0, certificate.size() - 200);
  for (const Case& test : {
           Case{"no certificate", {"/nowhere/x.pem", good.private_key, good.trusted_ca}, "certificate", "No such file"},
           Case{"no key", {good.certificate, "/nowhere/x.key", good.trusted_ca}, "private_key", "No such file"},
           Case{"no CA", {good.certificate, good.private_key, "/nowhere/ca.pem"}, "trusted_ca", "No such file"},
           Case{"folder", {"/tmp", good.private_key, good.trusted_ca}, "certificate", "\"/tmp\""},
           Case{
               "empty", {file("empty", ""), good.private_key, good.trusted_ca}, "certificate", "no certificate in PEM"},
           Case{"text",
                {file("text", "hello"), good.private_key, good.trusted_ca},
                "certificate",
                "no certificate in PEM"},
           Case{"half a chain", {file("half", half), good.private_key, good.trusted_ca}, "certificate", "damaged"},
           Case{
               "key as certificate", {good.private_key, good.private_key, good.trusted_ca}, "certificate", "no certif"},
           Case{"certificate as key",
                {good.certificate, good.certificate, good.trusted_ca},
                "private_key",
                "no private key"},
           Case{"other key",
                {good.certificate, other.private_key, good.trusted_ca},
                "private_key",
                "is not the key of the certificate"},
           Case{"empty CA",
                {good.certificate, good.private_key, file("no_ca", "# none\n")},
                "trusted_ca",
                "no certificate in PEM"},
           Case{"half a CA",
                {good.certificate, good.private_key, file("half_ca", certificate + half)},
                "trusted_ca",
                "damaged"},
       }) {
    const Error error = error_of(test.files);
    EXPECT_EQ(error.field, test.field) << test.what;
    EXPECT_NE(error.message.find(test.says), std::string::npos) << test.what << ": " << error.message;
  }
}

TEST_F(TlsContextTest, AKeyWithAPassphraseIsRefusedRatherThanAskedFor) {
  std::FILE* in = std::fopen(good.private_key.c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(in, nullptr, nullptr, nullptr);
  std::fclose(in);
  const std::string path = laboratory.path("encrypted.key");
  std::FILE* out = std::fopen(path.c_str(), "w");
  const unsigned char pass[] = "secret";
  PEM_write_PrivateKey(out, key, EVP_aes_256_cbc(), pass, 6, nullptr, nullptr);
  std::fclose(out);
  EVP_PKEY_free(key);
  const Error error = error_of({good.certificate, path, good.trusted_ca});
  EXPECT_EQ(error.field, "private_key");
  EXPECT_NE(error.message.find("passphrase"), std::string::npos) << error.message;
}

TEST_F(TlsContextTest, AFileThatMayNotBeReadSaysWhoWouldHaveTo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  ::chmod(good.private_key.c_str(), 0);
  const Error error = error_of(good);
  EXPECT_EQ(error.field, "private_key");
  EXPECT_NE(error.message.find("runs as user " + std::to_string(::geteuid())), std::string::npos) << error.message;
}

TEST_F(TlsContextTest, FilesAndChainsAreBounded) {
  const std::string big(kMaxTlsFileBytes + 1, '#');
  EXPECT_NE(error_of({file("big", big), good.private_key, good.trusted_ca}).message.find("larger"), std::string::npos);
  const std::string chain = text_of(good.certificate);  // two
  std::string ten;
  for (std::size_t i = 0; i < kMaxCertificatesSent / 2; ++i) ten += chain;
  EXPECT_EQ(error_of({file("ten", ten), good.private_key, good.trusted_ca}), Error{});
  const std::string eleven = ten + text_of(good.trusted_ca);
  EXPECT_NE(error_of({file("eleven", eleven), good.private_key, good.trusted_ca}).message.find("more than"),
            std::string::npos);
}

TEST_F(TlsContextTest, ManyAuthoritiesAreTakenAndNotListedToThePeer) {
  std::string all;
  for (int i = 0; i < 40; ++i) all += text_of(good.trusted_ca) + text_of(laboratory.make("x").certificate);
  EXPECT_EQ(error_of({good.certificate, good.private_key, file("many", all)}), Error{});
}

}  // namespace
}  // namespace isthmus::sip
