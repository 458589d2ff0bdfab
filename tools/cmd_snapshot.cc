// heaptag snapshot: saves the figures of a running process. Sites are named when it is shown.
#include <fmt/core.h>

#include <cstring>

#include "tools/command.h"
#include "tools/model/rendering.h"
#include "tools/report/report_options.h"
#include "tools/report/target.h"
#include "tools/run/output_file.h"
#include "tools/text/message.h"

namespace heaptag::tools {

int cmd_snapshot(const Arguments& arguments) {
  const auto parsed = parse_snapshot_options(arguments);
  if (const ExitStatus* status = std::get_if<ExitStatus>(&parsed)) {
    return *status;
  }
  const ReportOptions& options = std::get<ReportOptions>(parsed);
  try {
    const Report report = read_target(find_target(options.target), false);
    const std::string bytes = as_snapshot(report);
    const WrittenFile file = options.output_path.empty()
                                 ? write_new_file(kSnapshotFile, report.process, bytes)
                                 : replace_file(options.output_path, report.process, bytes);
    if (file.error != 0) {
      complain("cannot write {}: {}; use -o FILE", file.path, std::strerror(file.error));
      return kUsageOrCouldNot;
    }
    if (options.output_path.empty()) {
      fmt::print("saved: {}    next: heaptag report {}\n", file.path, shell_word(file.path));
    }
    return kDone;
  } catch (const TargetError& error) {
    complain("{}", error.what());
    return kUsageOrCouldNot;
  }
}

}  // namespace heaptag::tools
