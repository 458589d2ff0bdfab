// A report in one of its formats.
#pragma once

#include <optional>
#include <string>

#include "core/render/text.h"
#include "tools/model/report.h"

namespace heaptag::tools {

std::string as_json(const Report& report);
std::string as_snapshot(const Report& report);

/// Scratch memory for sorting is added to `options`.
std::string as_text(const Report& report, render::TextOptions options);

/// The width of a terminal; nothing when the descriptor is none.
std::optional<size_t> terminal_columns(int fd);

/// A word as a shell takes it, for a command that the user may copy.
std::string shell_word(const std::string& word);

}  // namespace heaptag::tools
