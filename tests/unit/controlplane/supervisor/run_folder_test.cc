#include "controlplane/supervisor/run_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "scratch_folder.h"

namespace isthmus::supervisor {
namespace {

TEST(RunFolder, IsTakenOnceAndClearedOfItsOwnNamesOnly) {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  std::filesystem::create_directory(run);
  std::ofstream(run + "/dataplane.toml") << "kept";
  std::ofstream(run + "/dataplane.pid") << "stale";
  {
    const Result<RunFolder> taken = RunFolder::take(run);
    ASSERT_TRUE(taken);
    EXPECT_FALSE(std::filesystem::exists(run + "/dataplane.pid"));
    EXPECT_EQ(RunFolder::take(run).error().kind, ErrorKind::kUnavailable);
    ASSERT_TRUE(taken->make_contract_socket(current_user()));
    struct stat found{};
    ASSERT_EQ(::stat((run + "/contract").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0700U);
    ASSERT_EQ(::stat(taken->contract_socket().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    ASSERT_TRUE(taken->record_process("dataplane", ::getpid()));
    pid_t pid = 0;
    unsigned long long start_time = 0;
    std::ifstream(run + "/dataplane.pid") >> pid >> start_time;
    EXPECT_EQ(pid, ::getpid());
    EXPECT_EQ(start_time, process_start_time(pid));
  }
  EXPECT_TRUE(std::filesystem::exists(run + "/dataplane.toml"));
  EXPECT_FALSE(std::filesystem::exists(run + "/contract"));
  EXPECT_TRUE(RunFolder::take(run)) << "the lock went with its holder";
}

TEST(RunFolder, ALinkInItsPlaceIsRefused) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "run");
  EXPECT_FALSE(RunFolder::take(folder / "run"));
}

TEST(RunFolder, ANameTooLongForASocketIsSaid) {
  const ScratchFolder folder;
  const Result<RunFolder> taken = RunFolder::take(folder / std::string(100, 'r'));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->make_contract_socket(current_user()).error().field, "--run-dir");
}

TEST(RunFolder, StartTimesTellProcessesApart) {
  EXPECT_GT(process_start_time(::getpid()), 0U);
  EXPECT_EQ(process_start_time(-1), 0U);
}

}  // namespace
}  // namespace isthmus::supervisor
