// The report as a snapshot, for the command: see core/wire/snapshot_format.h for its bytes.
// Layer: core/render.  Allocates: no.
#pragma once

#include "core/base/sink.h"
#include "core/render/model.h"

namespace heaptag::render {

/// Writes a report as one snapshot. Names of owners that their frames give anyway are left out;
/// frames in a module that `report.modules` does not list lose it.
/// Errors: none; a sink that fails is asked by its owner. Cost: O(frames + modules), a stack of
/// 6 KiB.
void write_snapshot(const Report& report, const Sink& out);

}  // namespace heaptag::render
