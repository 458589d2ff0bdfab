#include "core/report/start.h"

#include <cstring>
#include <string_view>

#include "core/allocator/threads.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/config/options.h"
#include "core/meta/meta_allocator.h"
#include "core/os/clock.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/render/names.h"
#include "core/report/ancestry.h"
#include "core/report/descriptor.h"
#include "core/report/exit_report.h"
#include "core/report/findings.h"
#include "core/report/kernel_start.h"
#include "core/report/log.h"
#include "core/report/report_path.h"
#include "core/report/session.h"
#include "core/report/signal_report.h"
#include "core/report/tag_options.h"
#include "core/tag/owners.h"

namespace heaptag::report {

constinit Session session{};

namespace {

constexpr size_t kMaxPathBytes = 4096;
constexpr size_t kMaxShownBytes = 400;  // of a name or value that is not understood
constexpr unsigned kTriesToStart = 32;

const char* program_name(int argc, char** argv) {
  char path[512];
  if (os::read_link("/proc/self/exe", path, sizeof(path)) > 0) {
    return meta::keep_text(base_name(path));
  }
  return meta::keep_text(argc > 0 ? base_name(argv[0]) : "unknown");
}

// A program may change its directory before it ends.
const char* absolute_path(std::string_view path) {
  char directory[1024];
  if (path.starts_with('/') || os::current_directory(directory, sizeof(directory)) <= 0) {
    return meta::keep_text(path);
  }
  char absolute[kMaxPathBytes / 2];
  BufferSink text(absolute, sizeof(absolute));
  for (const char* at = directory; *at != '\0'; ++at) {
    text.sink().put(*at == '%' ? "%%" : std::string_view{at, 1});  // no placeholder
  }
  text.sink().put("/");
  text.sink().put(path);
  return meta::keep_text(text.truncated() ? path : text.view());
}

std::string_view default_path(config::Format format) {
  switch (format) {
    case config::Format::kJson:
      return "heaptag.%e.%p.json";
    case config::Format::kSnapshot:
      return "heaptag.%e.%p.snap";
    case config::Format::kText:
      break;
  }
  return "heaptag.%e.%p.txt";
}

struct Complaint {
  std::string_view name;
  std::string_view value;
  char advice[96];
};

struct ComplaintList {
  static constexpr unsigned kMax = 16;
  Complaint items[kMax];
  unsigned count;
};

void note_complaint(void* context,
                    std::string_view name,
                    std::string_view value,
                    std::string_view advice) {
  auto* list = static_cast<ComplaintList*>(context);
  if (list->count < ComplaintList::kMax) {
    Complaint& item = list->items[list->count++];
    item.name = name;
    item.value = value;
    BufferSink(item.advice, sizeof(item.advice)).sink().put(advice);
  }
}

void keep_options(char** environment) {
  session.option_count = config::set_options(environment, session.options);
  for (unsigned i = 0; i < session.option_count; ++i) {
    session.options[i].value = meta::keep_text(session.options[i].value);
  }
}

void keep_arguments(int argc, char** argv) {
  for (int i = 0; i < argc && session.argument_count < kMaxArguments; ++i) {
    session.arguments[session.argument_count++] = meta::keep_text(argv[i]);
  }
}

void complain_unknown_placeholder(std::string_view path) {
  const char letter = unknown_placeholder(path);
  if (letter != '\0') {
    log_line({"HEAPTAG_REPORT=",
              take_first(path, kMaxShownBytes),
              " has %",
              {&letter, 1},
              ", which stands for nothing (%p %e %n %t %h %% do); it is kept as it is"});
  }
}

bool asks_for_reports(const config::Options& options) {
  return options.report != nullptr || options.signal != 0;
}

bool has_something_to_say(const config::Options& options) {
  return asks_for_reports(options) || options.check.any();
}

// Who we are and where messages go. Afterwards it is known whether the session is silent.
Ancestry open_session(int argc, char** argv, char** environment, const config::Options& options) {
  session.program = program_name(argc, argv);
  session.is_silent =
      options.programs != nullptr && !config::selects(options.programs, session.program);
  const Ancestry ancestry = find_ancestry(environment, options);
  session.is_child = ancestry.has_told_parent;
  session.children = options.children;
  session.format = options.format;
  if (!session.is_silent) {
    open_log(options.log, has_something_to_say(options));
  }
  return ancestry;
}

void start_with_options(int argc, char** argv, char** environment) {
  ComplaintList complaints{};
  const config::Options options = config::read_options(environment, {note_complaint, &complaints});
  const Ancestry ancestry = open_session(argc, argv, environment, options);
  if (session.is_silent) {
    return;
  }
  for (unsigned i = 0; i < complaints.count && ancestry.is_first; ++i) {
    const Complaint& item = complaints.items[i];
    log_line({take_first(item.name, kMaxShownBytes), "=", take_first(item.value, kMaxShownBytes),
              " ", item.advice, "; it is ignored"});
  }
  apply_tag_options(options, ancestry.is_first);
  start_kernel_interfaces(options, false);
  if (!has_something_to_say(options)) {
    return;
  }
  start_checks(options.check);
  if (options.report != nullptr) {
    session.report_path = absolute_path(options.report);
    session.room = os::reserve(kReportRoomBytes);
    if (ancestry.is_first) {
      complain_unknown_placeholder(options.report);
    }
  }
  keep_options(environment);
  keep_arguments(argc, argv);
  os::at_process_end(write_report_at_exit);
  if (options.signal != 0) {
    session.signal_path = options.report != nullptr ? session.report_path
                                                    : absolute_path(default_path(options.format));
    if (!watch_signal(options.signal)) {
      log_line({"no memory for HEAPTAG_SIGNAL; it is ignored"});
    }
  }
}

// The allocator makes them when a thread first comes. What the kernel refuses once it may give a
// moment later; every attempt keeps what the one before it got.
bool make_tables() {
  for (unsigned tries = 0; tries < kTriesToStart; ++tries) {
    const allocator::ThreadScope ready;
    if (ready.thread() != nullptr) {
      return true;
    }
  }
  return false;
}

// A program that runs with more rights than its user takes no orders from the environment.
bool has_options(char** environment) {
  if (os::is_privileged()) {
    return false;
  }
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "HEAPTAG_", 8) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

void start(int argc, char** argv, char** environment) {
  session.pid = os::process_id();
  session.start_realtime_ns = os::realtime_ns();
  session.start_monotonic_ns = os::monotonic_ns();
  if (!make_tables()) {
    if (has_options(environment)) {
      log_line({"no memory for heaptag's own tables at the start; there will be no report"});
    }
    return;
  }
  publish_descriptor();
  note_stderr();
  listen_to_zones();
  if (has_options(environment)) {
    start_with_options(argc, argv, environment);
  }
  if (!session.is_silent) {
    listen_to_findings();
    allocator::read_loaded_modules();
  }
}

void start_aside(
    int argc, char** argv, char** environment, const char* function, const char* file) {
  session.pid = os::process_id();
  listen_to_zones();
  if (!has_options(environment)) {
    return;
  }
  const config::Options options = config::read_options(
      environment, {[](void*, std::string_view, std::string_view, std::string_view) {}, nullptr});
  open_session(argc, argv, environment, options);
  start_kernel_interfaces(options, true);
  session.report_path = options.report;
  if (options.signal != 0 || may_report(session)) {
    log_line({session.program, " has an allocator of its own (", function, " of ", base_name(file),
              "): heaptag stands aside, nothing is counted"});
  }
  session.report_path = nullptr;
}

}  // namespace heaptag::report
