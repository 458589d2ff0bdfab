// Reads snapshots (core/wire/snapshot_format.h), and whatever else a saved report may be. The bytes
// are not trusted.
#pragma once

#include <string>
#include <string_view>

#include "tools/model/report.h"
#include "tools/model/report_reader.h"

namespace heaptag::tools {

bool is_snapshot(std::string_view bytes);

/// Reads a snapshot; owners without a name are called by their frames.
/// Errors: throws BrokenReport: cut off, damaged, of a later version.
Report read_snapshot(std::string_view bytes);

/// Reads a snapshot or a JSON report. Errors: throws BrokenReport.
Report read_saved_report(const std::string& bytes);

}  // namespace heaptag::tools
