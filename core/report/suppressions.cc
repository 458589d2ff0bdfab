#include "core/report/suppressions.h"

#include <cstring>

#include "core/base/format.h"
#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/elf/demangle.h"
#include "core/meta/meta_allocator.h"
#include "core/os/file.h"
#include "core/report/error_view.h"
#include "core/report/log.h"

namespace heaptag::report {

namespace {

constexpr unsigned kMaxRules = 512;
constexpr size_t kMaxFileBytes = 256 * 1024;
constexpr size_t kMaxNameBytes = 1024;

struct Rule {
  std::string_view kind;
  std::string_view glob;
};

struct State {
  Rule* rules;
  unsigned count;
};

constinit State state{};

bool is_kind(std::string_view word) {
  for (unsigned i = 0; i < static_cast<unsigned>(safety::Kind::kCount); ++i) {
    if (word == safety::kind_name(static_cast<safety::Kind>(i))) {
      return true;
    }
  }
  return word == "*" || word == "leak";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text = drop_first(text, 1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text = take_first(text, text.size() - 1);
  }
  return text;
}

void read_line(std::string_view line, const char* path, unsigned number) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') {
    return;
  }
  const size_t colon = line.find(':');
  const std::string_view kind = take_first(line, colon);
  const std::string_view glob =
      colon == std::string_view::npos ? std::string_view{} : drop_first(line, colon + 1);
  if (glob.empty() || !is_kind(kind)) {
    log_line({path, ":", format_decimal(number).view(), ": ", take_first(line, 80),
              " is no suppression: write KIND:GLOB, as double-free:*Parser*; it is ignored"});
  } else if (state.count < kMaxRules) {
    state.rules[state.count++] = {kind, glob};
  }
}

bool matches(const Rule& rule, const char* name) {
  return name != nullptr && glob_matches(rule.glob, name);
}

bool matches_frame(const Rule& rule, const render::Frame& frame) {
  if (matches(rule, frame.function) || matches(rule, base_name(frame.module))) {
    return true;
  }
  char name[kMaxNameBytes];
  return frame.function != nullptr &&
         elf::demangle(frame.function, name, sizeof(name), elf::DemangleForm::kName) &&
         matches(rule, name);
}

bool matches_event(const Rule& rule, const KeptEvent& event, SymbolSource* symbols) {
  for (unsigned i = 0; i < event.frame_count; ++i) {
    render::Frame frame;
    symbols->describe(event.frames[i], &frame);
    if (matches_frame(rule, frame)) {
      return true;
    }
  }
  return false;
}

}  // namespace

void read_suppressions(const char* path) {
  char first[2];
  const long error = os::read_file(path, first, sizeof(first));
  const os::MappedFile file = os::map_file(path);
  if (error < 0 || file.size_bytes > kMaxFileBytes) {
    os::unmap_file(file);
    log_line({"HEAPTAG_SUPPRESSIONS=", path, ": ", error < 0 ? error_text(error) : "too large",
              "; nothing is suppressed: give the path of a file with lines KIND:GLOB"});
    return;
  }
  const char* text = meta::keep_text({reinterpret_cast<const char*>(file.data), file.size_bytes});
  os::unmap_file(file);
  state.rules = static_cast<Rule*>(meta::allocate(kMaxRules * sizeof(Rule)));
  std::string_view rest = text;
  for (unsigned number = 1; !rest.empty() && state.rules != nullptr; ++number) {
    const size_t end = rest.find('\n');
    read_line(take_first(rest, end), path, number);
    rest = end == std::string_view::npos ? std::string_view{} : drop_first(rest, end + 1);
  }
}

bool is_suppressed(const KeptError& error) {
  if (state.count == 0) {
    return false;
  }
  SymbolSource symbols;
  for (const Rule& rule : std::span(state.rules, state.count)) {
    const bool is_of_kind = rule.kind == "*" || rule.kind == safety::kind_name(error.kind);
    if (is_of_kind && (matches_event(rule, error.detected, &symbols) ||
                       matches_event(rule, error.freed, &symbols) ||
                       matches_event(rule, error.allocated, &symbols))) {
      return true;
    }
  }
  return false;
}

}  // namespace heaptag::report
