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
constexpr std::string_view kPartSuffix = ".part";

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

bool put_path(std::string_view path, unsigned number, const Sink& out) {
  bool has_number = false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 1 < path.size()) {
      ++i;
      has_number = has_number || path[i] == 'n';
      put_placeholder(path[i], number, out);
    } else {
      out.put_char(path[i]);
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

char unknown_placeholder(std::string_view path) {
  constexpr std::string_view kKnown = "penth%";
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (path[i] == '%' && kKnown.find(path[++i]) == std::string_view::npos) {
      return path[i];
    }
  }
  return '\0';
}

// False when the name is too long.
bool ReportFile::expand(unsigned number) {
  BufferSink name(name_, sizeof(name_));
  const bool has_number = put_path(path_, number, name.sink());
  if (number > 0 && !has_number) {
    name.sink().put_char('.');
    name.sink().put(format_decimal(number).view());
  }
  name_bytes_ = name.view().size();
  return !name.truncated();
}

// A descriptor, or an error; kFileExists: not this number.
int ReportFile::try_number(unsigned number) {
  if (!expand(number)) {
    return kNameTooLong;
  }
  if (number == 0 && os::is_directory(name_)) {
    return kIsDirectory;
  }
  if (number == 0 && os::is_device_or_pipe(name_)) {
    return os::append_file(name_, 0600);
  }
  if (os::exists(name_)) {
    return kFileExists;
  }
  BufferSink part(part_, sizeof(part_));
  part.sink().put(name());
  part.sink().put(kPartSuffix);
  is_part_ = true;
  return part.truncated() ? kNameTooLong : os::create_file(part_, 0600);
}

int ReportFile::open(std::string_view path) {
  path_ = path;
  is_part_ = false;
  if (const int named = descriptor_of_path(path); named >= 0) {
    BufferSink name(name_, sizeof(name_));
    name.sink().put(path);
    name_bytes_ = name.view().size();
    return fd_ = os::duplicate_file(named);
  }
  // Behind the last report that this process has written, if it is still there.
  number_ = last_number_ != 0 && expand(last_number_) && os::exists(name_) ? last_number_ + 1 : 0;
  for (fd_ = kFileExists; number_ <= kMaxNumber && fd_ == kFileExists; ++number_) {
    fd_ = try_number(number_);
  }
  return fd_;
}

// Somebody else may have taken the name meanwhile: then it is the next one that is free.
long ReportFile::publish() {
  long result = os::rename_new(part_, name_);
  for (; result == kFileExists && number_ <= kMaxNumber; ++number_) {
    result = expand(number_) ? os::rename_new(part_, name_) : kNameTooLong;
  }
  last_number_ = number_ - 1;
  return result;
}

long ReportFile::close(bool is_whole) {
  os::close_file(fd_);
  if (!is_part_) {
    return 0;
  }
  const long result = is_whole ? publish() : 0;
  if (!is_whole || result < 0) {
    os::remove_file(part_);
  }
  return result;
}

}  // namespace heaptag::report
