// The bytes that an error is about. Layer: core/render.  Allocates: no.
#pragma once

#include "core/render/error_lines.h"
#include "core/render/model.h"

namespace heaptag::render {

/// Writes what `Error::expected` and `found` say, when both or the second are bytes, between what
/// stands before and behind them; what changed is in brackets:
///
///       +32  at free  02 00 00 00 00 00 00 00   00 00 00 00 00 00 00 00
///            now      02 00 00 00 00 00 00 00  [80 4c 01 40 3a 7f 00 00]
///       new value 0x7f3a40014c80 = start of a live block of 64 bytes
void write_error_bytes(const Error& error, const ErrorLines& lines);

}  // namespace heaptag::render
