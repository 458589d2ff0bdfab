// Reads a JSON report. The text is not trusted: a program that writes wild may have written this.
#pragma once

#include <stdexcept>
#include <string>

#include "tools/model/report.h"

namespace heaptag::tools {

/// The text is no report, or one of a later schema; what() says which, in a few words.
class BrokenReport : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Reads the text of a report. Keys that it does not know are skipped, absent ones are "not known".
/// Errors: throws BrokenReport.
Report read_report(const std::string& json_text);

}  // namespace heaptag::tools
