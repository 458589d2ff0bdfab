// An element of "errors" in the JSON report. Layer: core/render.  Allocates: no.
#pragma once

#include "core/render/json_writer.h"
#include "core/render/model.h"

namespace heaptag::render {

/// "age_s" counts from the free of the block, or else from its allocation. What the contract does
/// not ask for stands last.
void write_error(JsonWriter& json, const Error& error);

}  // namespace heaptag::render
