#include "core/report/write_report.h"

#include "core/base/format.h"
#include "core/os/file.h"
#include "core/os/vm.h"
#include "core/render/json.h"
#include "core/render/snapshot.h"
#include "core/render/text.h"
#include "core/report/collect.h"
#include "core/report/log.h"
#include "core/report/process_facts.h"
#include "core/report/report_path.h"
#include "core/report/session.h"
#include "core/report/version.h"

namespace heaptag::report {

namespace {

constinit ReportFile report_file{};  // of whoever has the turn: stacks may be small

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

void describe(const Occasion& occasion, Collected* collected) {
  render::Report& report = collected->report;
  report.version = kVersion;
  report.process.reason = occasion.reason;
  report.process.exit_known = occasion.is_exit;
  report.process.exit_status = occasion.exit_status & 0xff;
  describe_process(&report, &collected->scratch);
  auto options = collected->scratch.array<render::Option>(session.option_count);
  for (size_t i = 0; i < options.size(); ++i) {
    options[i] = {session.options[i].name, session.options[i].value};
  }
  report.options = options.data();
  report.option_count = options.size();
}

void complain_unwritable(long error) {
  log_line({"cannot write the report to ", report_file.name(), ": ", error_text(error),
            "; set HEAPTAG_REPORT to a path that can be written"});
}

/// Gives up the room that was kept for the report, for as long as one is written.
class ReportRoom {
 public:
  ReportRoom() {
    if (session.room != nullptr) {
      os::unmap(session.room, kReportRoomBytes);
    }
  }

  ~ReportRoom() {
    session.room = session.room == nullptr ? nullptr : os::reserve(kReportRoomBytes);
  }

  ReportRoom(const ReportRoom&) = delete;
  ReportRoom& operator=(const ReportRoom&) = delete;
};

}  // namespace

void write_report(const Occasion& occasion) {
  // What the program has left of its address space may be too little.
  const ReportRoom room;
  const int fd = report_file.open(occasion.path);
  if (fd < 0) {
    complain_unwritable(fd);
    return;
  }
  Collected collected;
  if (!collect(&collected)) {
    log_line({"no memory for the report to ", report_file.name(),
              "; figures are lost, the program is not touched"});
    report_file.close(false);
    return;
  }
  describe(occasion, &collected);
  FileContext file{fd, false};
  BufferedSink buffered({write_to_file, &file});
  render_report(collected, buffered.sink());
  buffered.flush();
  const long error = report_file.close(!file.failed);
  if (file.failed) {
    log_line({"the report to ", report_file.name(), " is lost: writing failed; is the disk full?"});
  } else if (error < 0) {
    complain_unwritable(error);
  }
}

}  // namespace heaptag::report
