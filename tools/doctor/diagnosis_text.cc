#include "tools/doctor/diagnosis_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "core/base/utf8.h"
#include "tools/text/printable.h"

namespace heaptag::tools {
namespace {

//   warn  allocator    links libjemalloc.so.2: ...
constexpr size_t kTopicColumn = 8;
constexpr size_t kTextColumn = 21;
constexpr size_t kLeastTextColumns = 40;

const char* grade_word(Grade grade) {
  switch (grade) {
    case Grade::kWarning:
      return "warn";
    case Grade::kFailure:
      return "FAIL";
    case Grade::kOk:
      break;
  }
  return "ok";
}

/// Appends `text`, from the current column kTextColumn on, in as many lines as it takes.
void append_wrapped(std::string& out, const std::string& text, size_t columns) {
  const size_t room = std::max(columns, kTextColumn + kLeastTextColumns) - kTextColumn;
  std::istringstream words(text);
  size_t used = 0;
  for (std::string word; words >> word;) {
    const size_t length = count_columns(word);
    if (used != 0 && used + 1 + length > room) {
      out += "\n" + std::string(kTextColumn, ' ');
      used = 0;
    } else if (used != 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += length;
  }
  out += '\n';
}

void append_row(std::string& out, const Finding& finding, size_t columns) {
  const std::string head =
      fmt::format("  {:<6}{}", grade_word(finding.grade), printable(finding.topic));
  out += padded(head, kTextColumn - 1) + " ";
  append_wrapped(out, printable(finding.text), columns);
  const char* lead = finding.next.size() > 1 ? "do one of" : "do";
  for (const std::string& line : finding.next) {
    out += padded(std::string(kTopicColumn, ' ') + lead, kTextColumn) + printable(line) + "\n";
    lead = "";
  }
}

}  // namespace

size_t count_of(const Findings& findings, Grade grade) {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(),
                                           [&](const Finding& one) { return one.grade == grade; }));
}

std::string warnings_text(const Findings& findings) {
  const size_t warnings = count_of(findings, Grade::kWarning);
  return warnings == 0 ? "" : fmt::format("; {} warning{}", warnings, warnings == 1 ? "" : "s");
}

void name_command(Diagnosis& diagnosis, const std::string& command, const std::string& path) {
  const auto rename = [&](std::string& line) {
    constexpr std::string_view kName = "heaptag ";
    size_t at = line.find(kName);
    while (at != std::string::npos && at != 0 && line[at - 1] != ' ') {
      at = line.find(kName, at + 1);
    }
    if (at != std::string::npos) {
      line.replace(at, kName.size() - 1, line.starts_with("sudo ") ? path : command);
    }
  };
  for (Finding& finding : diagnosis.findings) {
    std::for_each(finding.next.begin(), finding.next.end(), rename);
  }
  for (auto& [name, line] : diagnosis.commands) {
    rename(line);
  }
}

std::string as_text(const Diagnosis& diagnosis, size_t columns) {
  std::string out = printable(diagnosis.verdict) + "\n";
  for (const Finding& finding : diagnosis.findings) {
    append_row(out, finding, columns);
  }
  for (const auto& [name, command] : diagnosis.commands) {
    out += padded("  " + name + ":", kTextColumn) + printable(command) + "\n";
  }
  return out;
}

}  // namespace heaptag::tools
