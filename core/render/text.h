// The report as text, for people: a verdict, the totals, the owners, what to type next.
// Layer: core/render.  Allocates: no.
//
// Sizes are powers of 1024 (K M G T), counts have thousands separated, "-" is "not known", 0 is
// zero. No colour, and nothing that a terminal obeys.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/sink.h"
#include "core/render/model.h"

namespace heaptag::render {

/// What the table is sorted by; it is the first column then, and "%" is of it. A program that has
/// ended holds nothing, so its reports are by kAtPeak; a running one is sorted by kLive.
enum class SortKey : uint8_t { kByReason, kAtPeak, kLive };

/// What the rows are ordered by, largest first.
enum class RowKey : uint8_t { kFirstColumn, kBlocks, kCalls, kAllocated };

/// What the tags of the report are: owners, or sums that somebody else has made of them.
enum class RowKind : uint8_t { kOwner, kSite, kModule, kTag };

/// How much is said of each error. A program tells of errors when it finds them, and needs no more
/// than a line of each in the end.
enum class ErrorDetail : uint8_t { kSummary, kWhole };

struct TextOptions {
  size_t top = 20;                    // rows of the table; 0: all
  bool bytes = false;                 // sizes as integers, without K M G
  SortKey sort = SortKey::kByReason;  // kByReason: kAtPeak for a report at exit, else kLive
  RowKey order = RowKey::kFirstColumn;
  RowKind rows = RowKind::kOwner;
  ErrorDetail errors = ErrorDetail::kWhole;
  int status_for_errors = 0;           // what the command exits with in place of 0; 0: it stays 0
  const char* saved_path = nullptr;    // where the same report was saved
  const char* next_command = nullptr;  // what to type next; null: a suggestion
  const char* rules_from = "HEAPTAG_TAGS";  // where the user gave the tag rules
  size_t max_columns = 200;                 // names are cut ("…") to keep tables below; 0: never
  std::span<uint32_t> scratch = {};  // one per tag; without it large tables cost O(rows × tags)
};

/// Writes a report as text. Names come from `Tag::name`; a tag whose origin is not "site" is shown
/// in brackets. Tags may be in any order. Errors: none; a sink that fails is asked by its owner.
/// Cost: O(n log n) with scratch memory, a stack of 10 KiB.
void write_text(const Report& report, const TextOptions& options, const Sink& out);

}  // namespace heaptag::render
