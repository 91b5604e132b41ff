#include "controlplane/rest/token_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace isthmus::rest {
namespace {

namespace fs = std::filesystem;

struct TokenStore : testing::Test {
  SeededRandom random{1};
  std::string root = [] {
    std::string name = (fs::temp_directory_path() / "isthmus-token-XXXXXX").string();
    return std::string(mkdtemp(name.data()));
  }();
  std::string folder = root + "/state";

  ~TokenStore() override { fs::remove_all(root); }

  std::string read(const char* name) const {
    std::ifstream file(folder + "/" + name);
    std::string line;
    std::getline(file, line);
    return line;
  }
  unsigned mode(const std::string& path) const {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
  }
};

TEST_F(TokenStore, FirstStartDrawsATokenForItsOwnerOnly) {
  const auto hash = load_or_make_token(folder, random);
  ASSERT_TRUE(hash) << to_string(hash.error());
  const std::string token = read(kTokenFile);
  EXPECT_EQ(token.size(), 2 * kTokenBytes);
  EXPECT_EQ(hash_token(token), *hash);
  EXPECT_EQ(mode(folder), 0700U);
  EXPECT_EQ(mode(folder + "/" + kTokenFile), 0600U);
  EXPECT_EQ(mode(folder + "/" + kTokenHashFile), 0600U);
  EXPECT_EQ(read(kTokenHashFile).find(token), std::string::npos);
}

TEST_F(TokenStore, LaterStartsKeepItAndNeedOnlyTheHash) {
  const auto first = load_or_make_token(folder, random);
  fs::remove(folder + "/" + kTokenFile);
  const auto second = load_or_make_token(folder, random);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_FALSE(fs::exists(folder + "/" + kTokenFile));
}

TEST_F(TokenStore, StartThatDiedBetweenTheFilesIsDoneAgain) {
  ASSERT_TRUE(load_or_make_token(folder, random));
  fs::remove(folder + "/" + kTokenHashFile);
  const auto hash = load_or_make_token(folder, random);
  ASSERT_TRUE(hash);
  EXPECT_EQ(hash_token(read(kTokenFile)), *hash);
}

TEST_F(TokenStore, DamagedHashIsRefusedAndKept) {
  for (const char* text : {"", "abc", "zz"}) {
    fs::create_directory(folder);
    std::ofstream(folder + "/" + kTokenHashFile) << text;
    const auto hash = load_or_make_token(folder, random);
    ASSERT_FALSE(hash);
    EXPECT_EQ(hash.error().kind, ErrorKind::kMalformedInput);
    EXPECT_EQ(read(kTokenHashFile), text);
  }
}

TEST_F(TokenStore, FolderThatCannotBeMadeIsAnError) {
  std::ofstream(root + "/file") << "x";
  EXPECT_FALSE(load_or_make_token(root + "/file/state", random));
}

}  // namespace
}  // namespace isthmus::rest
