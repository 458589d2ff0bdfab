// An error as text, for people: what happened, to which block, who freed it and who allocated it.
// Layer: core/render.  Allocates: no.
//
//     ==20817== heaptag: ERROR: use-after-free-write: 8 bytes at 0x7f3a40012368
//     ==20817== Someone wrote into a block after it was freed; seen when the block was about to be
//     reused.
//     ==20817==
//     ==20817== Block 0x7f3a40012340, 96 bytes, conn_new. Changed: bytes 40-47
//     ...
//     ==20817== SUMMARY: heaptag: use-after-free-write src/conn.c:141 in conn_close
//
// What is not known is left out. The text comes in many small pieces, and is whole lines in the
// end: whoever writes to a descriptor puts a BufferedSink before it.
#pragma once

#include <cstdint>

#include "core/base/sink.h"
#include "core/render/model.h"

namespace heaptag::render {

struct ErrorTextOptions {
  /// What the program does when the text is out.
  enum class Then : uint8_t { kNotSaid, kGoesOn, kAborts };

  const Process* process = nullptr;  // pid, and what to run again; null: not known
  Then then = Then::kNotSaid;
};

/// Writes all that is known of an error, its SUMMARY line last. Of the texts of bytes the first 64
/// bytes are shown. `Error::value_is` has to be about the aligned word of 8 bytes that `address` is
/// in. Errors: none. Cost: a stack of 1 KiB.
void write_error_text(const Error& error, const ErrorTextOptions& options, const Sink& out);

/// "==PID== heaptag: KIND WHERE in FUNCTION: seen again (3 times)", for one that was told before.
void write_error_repeat(const Error& error, const ErrorTextOptions& options, const Sink& out);

/// "==PID== SUMMARY: heaptag: KIND WHERE in FUNCTION". The function is the one that has to be
/// changed, as far as it is known: the freer of a block that was used afterwards, the allocator of
/// one that was too short, else where the error was detected.
void write_error_summary(const Error& error, const ErrorTextOptions& options, const Sink& out);

}  // namespace heaptag::render
