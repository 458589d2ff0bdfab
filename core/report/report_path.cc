#include "core/report/report_path.h"

#include "core/base/descriptor_path.h"
#include "core/base/format.h"
#include "core/base/rfc3339.h"
#include "core/os/clock.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/report/session.h"

namespace heaptag::report {

namespace {

constexpr long kFileExists = -17;
constexpr long kIsDirectory = -21;
constexpr long kNameTooLong = -36;
constexpr unsigned kMaxNumber = 9999;

void put_time(const Sink& out) {
  char text[kRfc3339Bytes];
  write_rfc3339(os::realtime_ns(), text);
  // 20261112T225501: sorts by time, and no colon troubles a shell.
  for (const char* at = text; *at != '\0' && *at != '.'; ++at) {
    if (*at != '-' && *at != ':') {
      out.put_char(*at);
    }
  }
}

void put_placeholder(char letter, unsigned number, const Sink& out) {
  char host[80];
  switch (letter) {
    case 'p':
      out.put(format_decimal(os::process_id()).view());
      break;
    case 'e':
      out.put(session.program == nullptr ? "unknown" : session.program);
      break;
    case 'n':
      out.put(format_decimal(number).view());
      break;
    case 't':
      put_time(out);
      break;
    case 'h':
      os::host_name(host, sizeof(host));
      out.put(host);
      break;
    case '%':
      out.put_char('%');
      break;
    default:  // not ours: the path means what it says
      out.put_char('%');
      out.put_char(letter);
  }
}

bool expand(std::string_view path, unsigned number, BufferSink* text) {
  text->clear();
  bool has_number = false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 1 < path.size()) {
      ++i;
      has_number = has_number || path[i] == 'n';
      put_placeholder(path[i], number, text->sink());
    } else {
      text->sink().put_char(path[i]);
    }
  }
  return has_number;
}

}  // namespace

bool has_pid_placeholder(std::string_view path) {
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] == '%' && path[++i] == 'p') {
      return true;
    }
  }
  return false;
}

int open_report(std::string_view path, char (&path_used)[kMaxReportPathBytes]) {
  BufferSink text(path_used, sizeof(path_used));
  if (const int named = descriptor_of_path(path); named >= 0) {
    text.sink().put(path);
    return os::duplicate_file(named);
  }
  for (unsigned number = 0; number <= kMaxNumber; ++number) {
    const bool has_number = expand(path, number, &text);
    if (number > 0 && !has_number) {
      text.sink().put_char('.');
      text.sink().put(format_decimal(number).view());
    }
    if (text.truncated()) {
      return kNameTooLong;
    }
    if (number == 0 && os::is_directory(path_used)) {
      return kIsDirectory;
    }
    if (number == 0 && os::is_device_or_pipe(path_used)) {
      return os::append_file(path_used, 0600);
    }
    const int fd = os::create_file(path_used, 0600);
    if (fd != kFileExists) {
      return fd;
    }
  }
  return kFileExists;
}

}  // namespace heaptag::report
