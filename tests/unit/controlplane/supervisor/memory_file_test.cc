#include "controlplane/supervisor/memory_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace isthmus::supervisor {
namespace {

TEST(MemoryFile, HasItsSizeForEverAndIsPrivate) {
  const Result<Descriptor> file = make_memory_file("test", 1U << 20U);
  ASSERT_TRUE(file);
  struct stat found{};
  ASSERT_EQ(::fstat(file->get(), &found), 0);
  EXPECT_EQ(found.st_size, 1 << 20);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_EQ(found.st_blocks, 0) << "pages come as they are used";
  EXPECT_NE(::ftruncate(file->get(), 1), 0);
  EXPECT_NE(::ftruncate(file->get(), 2 << 20), 0);
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
  void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
  EXPECT_NE(mapped, MAP_FAILED);
  ::munmap(mapped, 4096);
}

}  // namespace
}  // namespace isthmus::supervisor
