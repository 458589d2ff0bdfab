#include "core/report/log.h"

#include <cstring>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/descriptor_guard.h"
#include "core/os/file.h"
#include "core/os/process.h"

namespace heaptag::report {

namespace {

constexpr size_t kMaxLineBytes = 2048;
constexpr size_t kMaxPathBytes = 1024;
constexpr int kStderr = 2;
constexpr std::string_view kSyslogPrefix = "<12>";  // user-level warning

struct Log {
  char path[kMaxPathBytes];
  bool to_syslog;
  bool keeps_stderr;
  os::GuardedDescriptor copy_of_stderr;
};

constinit Log log{};

struct ErrorName {
  long error;
  std::string_view text;
};

constexpr ErrorName kErrorNames[] = {
    {-1, "operation not permitted"},
    {-2, "no such file or directory"},
    {-6, "nobody reads from it"},
    {-9, "no such descriptor is open"},
    {-12, "out of memory"},
    {-13, "permission denied"},
    {-17, "file exists"},
    {-20, "not a directory"},
    {-21, "is a directory"},
    {-23, "too many open files"},
    {-24, "too many open files"},
    {-27, "file too large"},
    {-28, "no space left"},
    {-30, "read-only file system"},
    {-36, "file name too long"},
    {-40, "too many symbolic links"},
    {-122, "disk quota exceeded"},
};

void write_to_stderr(std::string_view line) {
  if (!log.keeps_stderr) {
    os::write_all(kStderr, line.data(), line.size());
  } else if (os::is_same_file(log.copy_of_stderr)) {
    os::write_all(log.copy_of_stderr.fd, line.data(), line.size());
  }
}

void write_to_destination(std::string_view text) {
  // Whoever filters system calls might end the process for an open.
  if (log.path[0] == '\0' || os::is_sandboxed()) {
    write_to_stderr(text);
    return;
  }
  const int fd = os::append_file(log.path, 0600);
  if (fd >= 0) {
    os::write_all(fd, text.data(), text.size());
    os::close_file(fd);
  }
}

void send_line_to_syslog(std::string_view line) {
  char buffer[kMaxLineBytes];
  BufferSink text(buffer, sizeof(buffer));
  text.sink().put(kSyslogPrefix);
  text.sink().put(line);
  os::send_syslog(text.view().data(), text.view().size());
}

}  // namespace

void open_log(const char* destination, bool keep_stderr) {
  const std::string_view name = destination == nullptr ? "stderr" : destination;
  log.to_syslog = name == "syslog";
  if (name == "stderr") {
    if (keep_stderr) {
      log.copy_of_stderr = os::guard_descriptor(kStderr);
      log.keeps_stderr = true;
    }
  } else if (!log.to_syslog && name.size() < kMaxPathBytes) {
    std::memcpy(log.path, name.data(), name.size());
    const int fd = os::append_file(log.path, 0600);
    if (fd >= 0) {
      os::close_file(fd);
      return;
    }
    log.path[0] = '\0';
    log_line({"cannot write messages to ", name, ": ", error_text(fd), "; they go to stderr"});
  }
}

void note_stderr() {
  log.copy_of_stderr = os::note_descriptor(kStderr);
  log.keeps_stderr = true;
}

void log_line(std::initializer_list<std::string_view> parts) {
  char buffer[kMaxLineBytes];
  BufferSink line(buffer, sizeof(buffer) - 1);
  const Sink out = line.sink();
  out.put("heaptag: ");
  for (std::string_view part : parts) {
    put_printable(out, part);
  }
  const size_t length = line.view().size();
  buffer[length] = '\n';
  log_sink().put({buffer, length + 1});
}

Sink log_sink() {
  return {[](void*, const char* data, size_t size_bytes) {
            std::string_view text{data, size_bytes};
            if (!log.to_syslog) {
              write_to_destination(text);
              return;
            }
            while (!text.empty()) {
              const std::string_view line = take_first(text, text.find('\n'));
              send_line_to_syslog(line);
              text = line.size() == text.size() ? std::string_view{}
                                                : drop_first(text, line.size() + 1);
            }
          },
          nullptr};
}

std::string_view error_text(long error) {
  for (const ErrorName& name : kErrorNames) {
    if (name.error == error) {
      return name.text;
    }
  }
  static constinit char text[32]{};
  BufferSink sink(text, sizeof(text));
  sink.sink().put("error ");
  sink.sink().put(format_decimal(static_cast<uint64_t>(-error)).view());
  return sink.view();
}

}  // namespace heaptag::report
