#include "core/report/process_facts.h"

#include <cstring>
#include <string_view>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/os/clock.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/report/session.h"

namespace heaptag::report {

namespace {

bool read_cgroup_number(std::string_view group, std::string_view file, uint64_t* number) {
  char path[768];
  BufferSink text(path, sizeof(path));
  text.sink().put("/sys/fs/cgroup");
  text.sink().put(group);
  text.sink().put(file);
  char content[64];
  return !text.truncated() && os::read_file(path, content, sizeof(content)) > 0 &&
         read_leading_number(content, number);
}

void describe_cgroup(render::Environment* environment) {
  char content[640];
  const long length = os::read_file("/proc/self/cgroup", content, sizeof(content));
  if (length <= 0) {
    return;
  }
  // Version 2 has one line, "0::/path".
  const std::string_view text{content, static_cast<size_t>(length)};
  const size_t at = text.find("0::/");
  if (at == std::string_view::npos) {
    return;
  }
  std::string_view group = drop_first(text, at + 3);
  group = take_first(group, group.find('\n'));
  if (group == "/") {
    group = "";
  }
  environment->cgroup_limit_known =
      read_cgroup_number(group, "/memory.max", &environment->cgroup_limit);
  environment->cgroup_use_known =
      read_cgroup_number(group, "/memory.current", &environment->cgroup_use);
}

}  // namespace

uint64_t resident_bytes() {
  char content[128];
  if (os::read_file("/proc/self/statm", content, sizeof(content)) <= 0) {
    return 0;
  }
  const char* second = std::strchr(content, ' ');
  uint64_t pages = 0;
  return second != nullptr && read_leading_number(second + 1, &pages) ? pages * os::kPageBytes : 0;
}

void describe_process(render::Report* report, Scratch* scratch) {
  constexpr size_t kTextBytes = 128;
  auto texts = scratch->array<char>(2 * kTextBytes);
  auto times = scratch->array<TimeText>(2);
  if (texts.empty() || times.empty()) {
    return;
  }
  render::Process& process = report->process;
  process.pid = os::process_id();
  process.program = session.program;
  process.argv = session.arguments;
  process.argv_count = session.argument_count;
  process.start_time = times[0].set(session.start_realtime_ns);
  process.report_time = times[1].set(os::realtime_ns());
  process.run_ns = os::monotonic_ns() - session.start_monotonic_ns;
  process.at_peak_ns = process.at_peak_ns > session.start_monotonic_ns
                           ? process.at_peak_ns - session.start_monotonic_ns
                           : 0;
  char* kernel = texts.data();
  char* libc = texts.data() + kTextBytes;
  os::kernel_release(kernel, kTextBytes);
  BufferSink text(libc, kTextBytes);
  text.sink().put("glibc ");
  text.sink().put(os::libc_version());
  report->environment.kernel = kernel;
  report->environment.libc = libc;
  describe_cgroup(&report->environment);
}

}  // namespace heaptag::report
