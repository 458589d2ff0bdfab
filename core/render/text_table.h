// The table of owners in the text report. Layer: core/render.  Allocates: no.
#pragma once

#include <string_view>

#include "core/base/sink.h"
#include "core/render/model.h"
#include "core/render/text.h"

namespace heaptag::render {

/// Writes the table: a heading, the largest owners, one line for the rest, one with the totals.
/// Every figure of the last line is the sum of its column. Pre: options.sort is not kByReason.
void write_owner_table(const Report& report, const TextOptions& options, const Sink& out);

/// What a row is called; its plural has an s.
std::string_view noun_of(RowKind rows);

/// Whether somebody named the tag: then it is shown in brackets.
bool is_given_name(const Tag& tag);

/// The frame that tells where an owner allocates, or null: of a tag with several sites no single
/// one does.
const Frame* owner_frame_or_null(const Tag& tag);

/// The frame that tells where a site is, or null. It is the place in the function that the linker
/// knows: what is inlined there last is often some allocator's.
const Frame* linked_frame_or_null(const Site& site);

}  // namespace heaptag::render
