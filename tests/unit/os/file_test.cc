#include "core/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/os/descriptor_guard.h"

namespace heaptag::os {
namespace {

class File : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/heaptag_test.XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
  }

  void TearDown() override {
    const std::string command = "rm -r " + folder_;
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  std::string path(const char* name) const { return folder_ + "/" + name; }

  std::string write(const char* name, const std::string& text) const {
    const int fd = create_file(path(name).c_str(), 0600);
    EXPECT_GE(fd, 0);
    EXPECT_TRUE(write_all(fd, text.data(), text.size()));
    close_file(fd);
    return path(name);
  }

  std::string folder_;
};

std::string contents(const std::string& path) {
  char buffer[200];
  const long length = read_file(path.c_str(), buffer, sizeof buffer);
  return length < 0 ? "error" : std::string(buffer, static_cast<size_t>(length));
}

TEST_F(File, ANewNameIsNew) {
  const std::string from = write("from", "text");
  const std::string to = path("to");
  EXPECT_FALSE(exists(to.c_str()));
  EXPECT_EQ(rename_new(from.c_str(), to.c_str()), 0);
  EXPECT_EQ(contents(to), "text");
  EXPECT_FALSE(exists(from.c_str()));
  const std::string other = write("other", "more");
  EXPECT_EQ(rename_new(other.c_str(), to.c_str()), -EEXIST);
  ASSERT_EQ(symlink("nowhere", path("link").c_str()), 0);
  EXPECT_TRUE(exists(path("link").c_str()));
  EXPECT_EQ(rename_new(other.c_str(), path("link").c_str()), -EEXIST);
  EXPECT_EQ(contents(to), "text");
  EXPECT_LT(rename_new(path("none").c_str(), path("new").c_str()), 0);
  remove_file(other.c_str());
  EXPECT_FALSE(exists(other.c_str()));
}

TEST_F(File, ANewFileIsNewAndOurs) {
  const std::string name = write("a", "text");
  EXPECT_EQ(contents(name), "text");
  EXPECT_EQ(create_file(name.c_str(), 0600), -EEXIST);
  ASSERT_EQ(symlink("b", path("link").c_str()), 0);
  EXPECT_EQ(create_file(path("link").c_str(), 0600), -EEXIST) << "no link is followed";
  EXPECT_EQ(create_file(path("no/folder").c_str(), 0600), -ENOENT);

  struct stat info {};

  ASSERT_EQ(stat(name.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(File, TakesNoNumberOfAStandardStream) {
  const int kept = ::dup(0);
  ASSERT_GT(kept, 2);
  ::close(0);  // the next number that the kernel gives
  const int created = create_file(path("new").c_str(), 0600);
  const int appended = append_file(path("new").c_str(), 0600);
  const int still_free = ::dup(kept);
  EXPECT_EQ(still_free, 0);
  EXPECT_GT(created, 2);
  EXPECT_GT(appended, 2);
  close_file(created);
  close_file(appended);
  ASSERT_EQ(::dup2(kept, 0), 0);
  ::close(kept);
}

TEST_F(File, AppendsToWhatIsThere) {
  for (const char* text : {"one ", "two"}) {
    const int fd = append_file(path("log").c_str(), 0600);
    ASSERT_GE(fd, 0);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_TRUE(write_all(fd, text, std::string(text).size()));
    close_file(fd);
  }
  EXPECT_EQ(contents(path("log")), "one two");
}

TEST_F(File, ReadsWhatFits) {
  const std::string name = write("a", "0123456789");
  char buffer[5];
  EXPECT_EQ(read_file(name.c_str(), buffer, sizeof buffer), 4);
  EXPECT_STREQ(buffer, "0123");
  EXPECT_EQ(read_file(path("absent").c_str(), buffer, sizeof buffer), -ENOENT);
  EXPECT_EQ(read_file(folder_.c_str(), buffer, sizeof buffer), -EISDIR);
  EXPECT_STREQ(buffer, "");
}

TEST_F(File, MapsRegularFilesOnly) {
  const MappedFile file = map_file(write("a", "abc").c_str());
  ASSERT_EQ(file.size_bytes, 3U);
  EXPECT_EQ(file.data[2], 'c');
  unmap_file(file);
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& name :
       {write("empty", ""), path("absent"), folder_, std::string("/dev/zero"), path("fifo")}) {
    const MappedFile none = map_file(name.c_str());
    EXPECT_EQ(none.data, nullptr) << name;
    unmap_file(none);
  }
}

TEST_F(File, WritingToNowhereFails) {
  EXPECT_FALSE(write_all(-1, "x", 1));
  EXPECT_TRUE(write_all(-1, "x", 0));
  const int full = open("/dev/full", O_WRONLY);
  EXPECT_FALSE(write_all(full, "x", 1));
  close_file(full);
}

TEST_F(File, TellsDevicesFromFiles) {
  EXPECT_TRUE(is_device_or_pipe("/dev/null"));
  EXPECT_FALSE(is_device_or_pipe(write("a", "").c_str()));
  EXPECT_FALSE(is_device_or_pipe(folder_.c_str()));
  EXPECT_FALSE(is_device_or_pipe(path("absent").c_str()));
}

TEST_F(File, ReadsLinks) {
  ASSERT_EQ(symlink("somewhere", path("link").c_str()), 0);
  char buffer[20];
  EXPECT_EQ(read_link(path("link").c_str(), buffer, sizeof buffer), 9);
  EXPECT_STREQ(buffer, "somewhere");
  EXPECT_EQ(read_link(path("link").c_str(), buffer, 5), 4);
  EXPECT_STREQ(buffer, "some");
  EXPECT_LT(read_link(path("absent").c_str(), buffer, sizeof buffer), 0);
  EXPECT_STREQ(buffer, "");
}

TEST_F(File, NeverTouchesErrno) {
  errno = 12345;
  char buffer[10];
  read_file(path("absent").c_str(), buffer, sizeof buffer);
  create_file(path("no/folder").c_str(), 0600);
  map_file(path("absent").c_str());
  write_all(-1, "x", 1);
  EXPECT_EQ(errno, 12345);
}

TEST_F(File, AGuardedDescriptorOutlivesItsOriginal) {
  const int fd = open(write("a", "").c_str(), O_WRONLY);
  const GuardedDescriptor guarded = guard_descriptor(fd);
  close(fd);
  ASSERT_GT(guarded.fd, fd);
  EXPECT_NE(fcntl(guarded.fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(is_same_file(guarded));
  EXPECT_TRUE(write_all(guarded.fd, "x", 1));
  EXPECT_EQ(contents(path("a")), "x");
  close(guarded.fd);
  EXPECT_FALSE(is_same_file(guarded));
}

TEST_F(File, AGuardNoticesThatItsNumberIsSomebodyElses) {
  const int fd = open(write("a", "").c_str(), O_WRONLY);
  const GuardedDescriptor guarded = guard_descriptor(fd);
  const int other = open(write("b", "").c_str(), O_WRONLY);
  ASSERT_EQ(dup2(other, guarded.fd), guarded.fd);
  EXPECT_FALSE(is_same_file(guarded));
  close(guarded.fd);
  close(other);
  close(fd);
}

TEST_F(File, NothingToGuard) {
  EXPECT_EQ(guard_descriptor(-1).fd, -1);
  EXPECT_FALSE(is_same_file(GuardedDescriptor{}));
}

}  // namespace
}  // namespace heaptag::os
