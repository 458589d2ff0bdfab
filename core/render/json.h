// The report as JSON, for programs. The keys are a contract: they may be added to, never renamed.
// Layer: core/render.  Allocates: no.
#pragma once

#include "core/base/sink.h"
#include "core/render/model.h"

namespace heaptag::render {

/// The "schema" of the reports that write_json makes.
inline constexpr unsigned kJsonSchema = 1;

/// Writes a report as one JSON object and a newline. The text is valid UTF-8 whatever the strings
/// of the report hold: bytes that are no UTF-8 become U+FFFD. One line per tag and per error.
///
/// Addresses and ELF offsets are hex strings, times are strings, sizes are integers in bytes. What
/// the model calls "not known" is null: strings, and the integers of which 0 is not a value
/// (line, limit_bytes, resident_bytes, max_resident_bytes, memory.resident, at_peak_ns,
/// size_classes, the cgroup's; of an error: block, length, threads) or that only their sum is known
/// of (a site's at_peak_bytes). Everything in the model is written, so that a reader gets the same
/// model back; figures beyond the documented ones (signal, run_ns, function_offset, ...) stand last
/// in their object.
///
/// Errors: none; a sink that fails is asked by its owner. Cost: O(sites), a stack of 10 KiB.
void write_json(const Report& report, const Sink& out);

}  // namespace heaptag::render
