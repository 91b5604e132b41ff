#include "dataplane/io/kernel_guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "dataplane/io/run_file.h"
#include "dataplane/io/synthetic_frame.h"

namespace isthmus::io {
namespace {

Network pool(std::uint16_t first, std::uint16_t last) {
  Network network;
  network.first_port = first;
  network.last_port = last;
  return network;
}

TEST(ReservedPorts, PoolJoinsWhatIsThere) {
  const Network networks[] = {pool(56000, 57000)};
  EXPECT_EQ(merge_reserved_ports("", networks), "56000-57000");
  EXPECT_EQ(merge_reserved_ports("8080,9148-9150", networks), "8080,9148-9150,56000-57000");
  EXPECT_EQ(merge_reserved_ports("56000-57000", networks), "56000-57000");
  EXPECT_EQ(merge_reserved_ports("55000-56500,57001", networks), "55000-57001");
  EXPECT_EQ(merge_reserved_ports("60000", networks), "56000-57000,60000");
}

TEST(ReservedPorts, EqualPoolsOfTwoNetworksAreOneRange) {
  const Network networks[] = {pool(56000, 57000), pool(56000, 57000), pool(40000, 40001)};
  EXPECT_EQ(merge_reserved_ports("", networks), "40000-40001,56000-57000");
}

TEST(RunFile, NotesSurviveAndTheLockDoesNot) {
  const std::string directory = testing::TempDir() + "isthmus-run-file-test-" + std::to_string(::getpid());
  {
    auto file = RunFile::open(directory, "eth9");
    ASSERT_TRUE(file) << to_string(file.error());
    EXPECT_FALSE(file->noted());
    ASSERT_TRUE(file->note(1234));
    EXPECT_EQ(RunFile::open(directory, "eth9").error().kind, ErrorKind::kDenied);
    EXPECT_TRUE(RunFile::open(directory, "eth8"));
  }
  auto again = RunFile::open(directory, "eth9");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->noted(), 1234U);
  again->forget();
  std::filesystem::remove_all(directory);
}

TEST(RunFile, MissingDirectoryIsUnavailable) {
  EXPECT_EQ(RunFile::open("/nonexistent/isthmus", "eth9").error().kind, ErrorKind::kUnavailable);
}

TEST(SyntheticFrame, EveryCutIsRefused) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const IpAddress address = IpAddress::parse(text).value();
    std::vector<std::uint8_t> frame(synthetic_bytes(address.family) + 20);
    write_headers(frame.data() + synthetic_bytes(address.family), 20, {address, 1000}, {address, 2000});
    EXPECT_TRUE(read_headers(frame));
    for (std::size_t length = 0; length < frame.size(); ++length) {
      EXPECT_FALSE(read_headers(MutableBytes(frame.data(), length))) << length;
    }
  }
}

}  // namespace
}  // namespace isthmus::io
