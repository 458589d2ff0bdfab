#include "core/report/exit_report.h"

#include "core/base/format.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/os/vm.h"
#include "core/render/json.h"
#include "core/render/snapshot.h"
#include "core/render/text.h"
#include "core/report/collect.h"
#include "core/report/descriptor.h"
#include "core/report/log.h"
#include "core/report/process_facts.h"
#include "core/report/report_path.h"
#include "core/report/session.h"
#include "core/report/version.h"

namespace heaptag::report {

namespace {

struct FileContext {
  int fd;
  bool failed;
};

void write_to_file(void* context, const char* data, size_t size_bytes) {
  auto* file = static_cast<FileContext*>(context);
  file->failed = file->failed || !os::write_all(file->fd, data, size_bytes);
}

void render_report(Collected& collected, const Sink& out) {
  if (session.format == config::Format::kJson) {
    render::write_json(collected.report, out);
    return;
  }
  if (session.format == config::Format::kSnapshot) {
    render::write_snapshot(collected.report, out);
    return;
  }
  render::TextOptions options;
  options.scratch = collected.sort_words;
  render::write_text(collected.report, options, out);
}

void write_report(int status) {
  if (session.room != nullptr) {
    os::unmap(session.room, kReportRoomBytes);
    session.room = nullptr;
  }
  char path[kMaxReportPathBytes];
  const int fd = open_report(session.report_path, path);
  if (fd < 0) {
    log_line({"cannot write the report to ", path, ": ", error_text(fd),
              "; set HEAPTAG_REPORT to a path that can be written"});
    return;
  }
  Collected collected;
  if (!collect(&collected)) {
    log_line(
        {"no memory for the report to ", path, "; figures are lost, the program is not touched"});
    os::close_file(fd);
    return;
  }
  render::Report& report = collected.report;
  report.version = kVersion;
  report.process.reason = "exit";
  report.process.exit_known = true;
  report.process.exit_status = status & 0xff;
  describe_process(&report, &collected.scratch);
  auto options = collected.scratch.array<render::Option>(session.option_count);
  for (size_t i = 0; i < options.size(); ++i) {
    options[i] = {session.options[i].name, session.options[i].value};
  }
  report.options = options.data();
  report.option_count = options.size();

  FileContext file{fd, false};
  BufferedSink buffered({write_to_file, &file});
  render_report(collected, buffered.sink());
  buffered.flush();
  os::close_file(fd);
  if (file.failed) {
    log_line({"the report in ", path, " is incomplete: writing failed; is the disk full?"});
  }
}

}  // namespace

bool may_report(const Session& state) {
  if (state.report_path == nullptr || state.is_silent || state.is_written ||
      os::process_id() != state.pid) {  // a vfork child has our memory, not our pid
    return false;
  }
  if (!state.is_child) {
    return true;
  }
  return state.children == config::Children::kReport ||
         (state.children == config::Children::kDefault && has_pid_placeholder(state.report_path));
}

void write_exit_report(int status) {
  if (may_report(session)) {
    session.is_written = true;
    write_report(status);
  }
}

void write_report_at_exit(int status) {
  if (may_report(session)) {
    if (os::is_single_threaded()) {
      os::free_library_memory();
    }
    write_exit_report(status);
  }
}

void note_forked_child() {
  publish_process_id();
  session.pid = os::process_id();
  session.is_child = true;
}

}  // namespace heaptag::report
