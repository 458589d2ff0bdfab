#include "tools/model/rendering.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "core/render/json.h"
#include "core/render/snapshot.h"
#include "tools/model/report_view.h"

namespace heaptag::tools {
namespace {

Sink string_sink(std::string& text) {
  return {[](void* context, const char* data, size_t size_bytes) {
            static_cast<std::string*>(context)->append(data, size_bytes);
          },
          &text};
}

/// Frames refer to modules by number in a snapshot: those of a report that lists too few are added.
Report with_all_modules(const Report& report) {
  Report complete = report;
  std::set<std::pair<std::string, std::string>> listed;
  for (const Module& module : report.modules) {
    listed.emplace(module.path, module.build_id);
  }
  for_each_stack(report, [&](const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      if (!frame.module.empty() && listed.emplace(frame.module, frame.build_id).second) {
        complete.modules.push_back({frame.module, frame.build_id, 0, 0, "", ""});
      }
    }
  });
  return complete;
}

}  // namespace

std::string as_json(const Report& report) {
  std::string json;
  render::write_json(ReportView(report).get(), string_sink(json));
  return json;
}

std::string as_snapshot(const Report& report) {
  const Report complete = with_all_modules(report);
  std::string bytes;
  render::write_snapshot(ReportView(complete).get(), string_sink(bytes));
  return bytes;
}

std::string as_text(const Report& report, render::TextOptions options) {
  std::vector<uint32_t> scratch(report.tags.size());
  options.scratch = scratch;
  std::string text;
  render::write_text(ReportView(report).get(), options, string_sink(text));
  return text;
}

std::optional<size_t> terminal_columns(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return std::nullopt;
  }
  return size.ws_col;
}

std::string shell_word(const std::string& word) {
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("-_./=:,+@%^", c) != nullptr || c >= 0x80;
  });
  if (is_plain) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

}  // namespace heaptag::tools
