// What the text report says below its table: lines that are missing, rules that never matched,
// owners that may be wrappers. Layer: core/render.  Allocates: no.
#pragma once

#include <string_view>

#include "core/base/sink.h"
#include "core/render/model.h"
#include "core/render/text.h"

namespace heaptag::render {

/// How many owners have a file and a line, and what would have to be installed for the others.
/// Nothing when all have. Returns whether any has.
bool write_symbols_note(const Report& report, const TextOptions& options, const Sink& out);

/// The tag rules that no call site matched; nothing when there are none.
void write_rules_note(const Report& report, const TextOptions& options, const Sink& out);

/// Owners that may be allocation wrappers, and the command that blames their callers instead;
/// nothing when there are none. See kWrapperSizeClasses.
void write_wrappers_note(const Report& report, const TextOptions& options, const Sink& out);

/// What a shell needs no quotes for.
bool is_plain_word(std::string_view text);

/// "heaptag run OPTIONS -- PROG ...". `options` is a part of the command with a blank behind it, or
/// empty.
void write_run_command(const Process& process, std::string_view options, const Sink& out);

}  // namespace heaptag::render
