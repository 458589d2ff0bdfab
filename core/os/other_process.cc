#include "core/os/other_process.h"

#include <errno.h>
#include <fcntl.h>

#include <cstring>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/file.h"
#include "core/os/syscall.h"

namespace heaptag::os {

namespace {

struct ProcPath {
  char text[48];
};

ProcPath path_in_proc(uint32_t pid, std::string_view file) {
  ProcPath path;
  BufferSink text(path.text, sizeof(path.text));
  text.sink().put("/proc/");
  text.sink().put(format_decimal(pid).view());
  text.sink().put(file);
  return path;
}

// START-END rights offset device inode path
class Line {
 public:
  explicit Line(const char* text) : at_(text) {}

  uint64_t hexadecimal() {
    uint64_t value = 0;
    for (;; ++at_) {
      const char c = *at_;
      if (c >= '0' && c <= '9') {
        value = value * 16 + static_cast<uint64_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        value = value * 16 + static_cast<uint64_t>(c - 'a') + 10;
      } else {
        return value;
      }
    }
  }

  uint64_t decimal() {
    uint64_t value = 0;
    read_leading_number(at_, &value);
    return value;
  }

  void skip(size_t count) {
    for (; count != 0 && *at_ != '\0'; --count) {
      ++at_;
    }
  }

  void next_field() {
    while (*at_ != ' ' && *at_ != '\0') {
      ++at_;
    }
    while (*at_ == ' ') {
      ++at_;
    }
  }

  bool is(std::string_view text) const { return text == at_; }

 private:
  const char* at_;
};

MappedRange parse(const char* text) {
  Line line(text);
  MappedRange range{};
  range.start = line.hexadecimal();
  line.skip(1);
  range.end = line.hexadecimal();
  for (int field = 0; field < 4; ++field) {
    line.next_field();
  }
  range.inode = line.decimal();
  line.next_field();
  range.is_stack = line.is("[stack]");
  return range;
}

}  // namespace

ProcessFacts look_at_process(uint32_t pid) {
  constexpr int kStartTimeAfterState = 19;
  ProcessFacts facts;
  char text[1024];
  if (read_file(path_in_proc(pid, "/stat").text, text, sizeof(text)) <= 0) {
    return facts;
  }
  const char* at = std::strrchr(text, ')');  // of the name, which may contain anything
  if (at == nullptr || at[1] != ' ') {
    return facts;
  }
  at += 2;
  facts.is_running = *at != 'Z' && *at != 'X';
  Line line(at);
  for (int field = 0; field < kStartTimeAfterState; ++field) {
    line.next_field();
  }
  facts.start_time = line.decimal();
  return facts;
}

long visit_mappings(uint32_t pid,
                    bool (*visit)(void* context, const MappedRange& range),
                    void* context) {
  const ProcPath path = path_in_proc(pid, "/maps");
  const long fd =
      raw_syscall(SYS_openat, AT_FDCWD, reinterpret_cast<long>(path.text), O_RDONLY | O_CLOEXEC, 0);
  if (is_error(fd)) {
    return fd;
  }
  // The kernel returns whole lines. Only the beginning of one is of interest.
  char chunk[4096];
  char text[160];
  size_t length = 0;
  bool goes_on = true;
  long got = 0;
  while (goes_on &&
         ((got = raw_syscall(SYS_read, fd, reinterpret_cast<long>(chunk), sizeof(chunk))) > 0 ||
          got == -EINTR)) {
    for (long i = 0; i < got && goes_on; ++i) {
      if (chunk[i] == '\n') {
        text[length] = '\0';
        goes_on = visit(context, parse(text));
        length = 0;
      } else if (length + 1 < sizeof(text)) {
        text[length++] = chunk[i];
      }
    }
  }
  close_file(static_cast<int>(fd));
  return got < 0 ? got : 0;
}

}  // namespace heaptag::os
