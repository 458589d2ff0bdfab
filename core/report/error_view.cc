#include "core/report/error_view.h"

#include <cstring>

#include "core/allocator/checked_span.h"
#include "core/elf/demangle.h"
#include "core/os/process.h"
#include "core/tag/modules.h"
#include "core/tag/owners.h"
#include "core/tag/tags.h"

namespace heaptag::report {

using safety::BlockState;
using safety::Family;
using safety::FoundWhen;
using safety::Kind;

namespace {

constexpr uint64_t kNsPerMs = 1'000'000;

const char* state_name(BlockState state) {
  switch (state) {
    case BlockState::kLive:
      return "live";
    case BlockState::kUnused:
      return "never used";
    default:
      return "freed";
  }
}

const char* hex(const KeptBytes& bytes, char* text) {
  write_hex_bytes(bytes.bytes, bytes.count, text);
  return bytes.count == 0 ? nullptr : text;
}

void view_event(const KeptEvent& kept,
                SymbolSource* symbols,
                render::Frame* frames,
                render::Event* event) {
  for (unsigned i = 0; i < kept.frame_count; ++i) {
    symbols->describe(kept.frames[i], &frames[i]);
  }
  event->frames = frames;
  event->frame_count = kept.frame_count;
  event->thread = kept.thread;
  event->age_ns = kept.age_ms * kNsPerMs;
  event->age_known = kept.age_known;
}

// What was expected and found as words, where it is no bytes.
void view_mismatch(const KeptError& kept, ErrorView* view) {
  if (kept.kind == Kind::kFamilyMismatch) {
    view->error.expected = safety::family_name(kept.allocated_as);
    view->error.found = safety::family_name(kept.freed_as);
  } else if (kept.kind == Kind::kSizeMismatch) {
    BufferSink(view->expected, sizeof(view->expected)).sink().put(format_decimal(kept.size).view());
    BufferSink(view->found, sizeof(view->found)).sink().put(format_decimal(kept.freed_size).view());
    view->error.expected = view->expected;
    view->error.found = view->found;
  }
}

// A whole word of the block that has changed may be a pointer.
bool changed_word(const KeptError& kept, uint64_t* word) {
  const uint64_t into = kept.address % sizeof(uint64_t);
  if (kept.kind != Kind::kUseAfterFreeWrite || kept.length == 0 || into > kept.before.count ||
      into + kept.length > sizeof(uint64_t)) {
    return false;
  }
  uint8_t bytes[sizeof(uint64_t)];
  const uint64_t behind = sizeof(uint64_t) - into - kept.length;
  if (behind > kept.after.count) {
    return false;
  }
  std::memcpy(bytes, kept.before.bytes + kept.before.count - into, into);
  std::memcpy(bytes + into, kept.found.bytes, kept.length);
  std::memcpy(bytes + into + kept.length, kept.after.bytes, behind);
  std::memcpy(word, bytes, sizeof(uint64_t));
  return true;
}

void view_value(const KeptError& kept, SymbolSource* symbols, ErrorView* view) {
  uint64_t word = 0;
  if (!changed_word(kept, &word)) {
    return;
  }
  const auto* span = heap::find_span(reinterpret_cast<const void*>(word));
  if (!allocator::is_checked(span)) {
    return;
  }
  const safety::CheckedBlock block = allocator::find_block(span, word);
  if (block.record == nullptr || block.record->state() == BlockState::kUnused) {
    return;
  }
  BufferSink text(view->value_is, sizeof(view->value_is));
  const Sink out = text.sink();
  const auto user = reinterpret_cast<uint64_t>(block.user());
  if (word == user) {
    out.put("start of a ");
  } else {
    out.put("inside of a ");
  }
  out.put(state_name(block.record->state()));
  out.put(" block of ");
  out.put(format_grouped(block.requested).view());
  out.put(" bytes");
  const char* owner = symbols->owner_name(block.record->owner);
  if (owner != nullptr) {
    out.put(", ");
    put_printable(out, owner);
  }
  view->error.value_is = view->value_is;
}

// Guards are for blocks of malloc. Whose writer was not seen and is none of these: what helps is to
// look more often.
const char* advice_of(const KeptError& kept) {
  const bool is_write = kept.kind == Kind::kUseAfterFreeWrite || kept.kind == Kind::kOverflow ||
                        kept.kind == Kind::kUnderflow;
  const uint32_t tag = tag::owners()[kept.owner].tag;
  const wire::TagOrigin origin = tag == 0 ? wire::TagOrigin::kRule : tag::tags()[tag].origin;
  const bool is_of_zone = origin == wire::TagOrigin::kOsmalloc || origin == wire::TagOrigin::kMtype;
  return is_write && is_of_zone && kept.when != FoundWhen::kFault
             ? "HEAPTAG_SIGNAL=USR1, and kill -USR1 now and then: every report looks at all freed "
               "blocks first"
             : nullptr;
}

}  // namespace

void SymbolSource::close() {
  for (unsigned i = 0; i < count_; ++i) {
    if (open_[i].has_symbols) {
      elf::close_symbols(&open_[i].symbols);
    }
  }
  count_ = 0;
}

const SymbolSource::Open* SymbolSource::open(uint32_t module) {
  for (unsigned i = 0; i < count_; ++i) {
    if (open_[i].module == module) {
      return open_[i].has_symbols ? &open_[i] : nullptr;
    }
  }
  if (count_ == kMaxOpen) {
    return nullptr;
  }
  Open& entry = open_[count_++];
  entry.module = module;
  const wire::ModuleRecord& record = tag::modules()[module];
  char build_id[2 * sizeof(record.build_id) + 1];
  write_hex_bytes(record.build_id, record.build_id_bytes, build_id);
  // Whoever filters system calls might end the process for an open.
  if (!os::is_sandboxed()) {
    entry.has_symbols = elf::open_symbols(reinterpret_cast<const char*>(record.path),
                                          record.build_id_bytes == 0 ? nullptr : build_id,
                                          &entry.symbols) == elf::SymbolsStatus::kOpen;
  }
  if (!entry.has_symbols && record.unloaded_at == 0) {
    entry.has_symbols = elf::open_loaded_symbols(record.begin, &entry.symbols);
  }
  return entry.has_symbols ? &entry : nullptr;
}

void SymbolSource::describe(const KeptFrame& kept, render::Frame* frame) {
  *frame = render::Frame{};
  frame->offset = kept.offset;
  if (kept.module == 0) {
    return;
  }
  frame->module = reinterpret_cast<const char*>(tag::modules()[kept.module].path);
  if (kept.module <= modules_.size()) {
    frame->build_id = modules_[kept.module - 1].build_id;
  }
  const Open* from = open(kept.module);
  if (from == nullptr) {
    return;
  }
  elf::SymbolQuery query;
  query.address = kept.offset;
  elf::lookup_symbols(from->symbols, {&query, 1});
  frame->function = query.function;
  frame->function_offset = query.function_offset + 1;
}

const char* SymbolSource::owner_name(uint32_t owner) {
  if (owner == 0) {
    return nullptr;
  }
  const wire::OwnerRecord& record = tag::owners()[owner];
  if (record.tag != 0) {
    return reinterpret_cast<const char*>(tag::tags()[record.tag].name);
  }
  render::Frame frame;
  describe({record.module, record.offset}, &frame);
  return frame.function;
}

void demangle_view(ErrorView* view) {
  size_t used = 0;
  const auto demangle = [view, &used](const char*& name) {
    const size_t left = sizeof(view->names) - used;
    if (name != nullptr && left > 1 &&
        elf::demangle(name, view->names + used, left, elf::DemangleForm::kName)) {
      name = view->names + used;
      used += std::strlen(name) + 1;
    }
  };
  const auto demangle_all = [&demangle](render::Frame* frames, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      demangle(frames[i].function);
    }
  };
  demangle_all(view->detected, view->error.detected.frame_count);
  demangle_all(view->freed, view->error.freed.frame_count);
  demangle_all(view->allocated, view->error.allocated.frame_count);
  demangle(view->error.owner);
}

void make_view(const KeptError& kept, SymbolSource* symbols, ErrorView* view) {
  render::Error& error = view->error;
  error = render::Error{};
  error.kind = safety::kind_name(kept.kind);
  error.found_when = safety::found_when_name(kept.when);
  error.address = kept.address;
  error.block = kept.block;
  error.size = kept.size;
  error.offset = kept.in_block ? static_cast<int64_t>(kept.address - kept.block) : 0;
  error.length = kept.length;
  error.expected = hex(kept.expected, view->expected);
  error.found = hex(kept.found, view->found);
  error.before = hex(kept.before, view->before);
  error.after = hex(kept.after, view->after);
  error.owner = symbols->owner_name(kept.owner);
  error.block_state = kept.has_record ? state_name(kept.state) : nullptr;
  error.count = kept.count;
  error.withdrawn = kept.withdrawn;
  error.refused = kept.refused;
  error.advice = advice_of(kept);
  error.frees_ago = kept.frees_ago;
  error.frees_ago_known = kept.frees_ago_known;
  view_mismatch(kept, view);
  view_value(kept, symbols, view);
  view_event(kept.allocated, symbols, view->allocated, &error.allocated);
  view_event(kept.freed, symbols, view->freed, &error.freed);
  view_event(kept.detected, symbols, view->detected, &error.detected);
  for (unsigned i = 0; i < kept.neighbour_count; ++i) {
    const KeptNeighbour& other = kept.neighbours[i];
    view->neighbours[i] = {other.distance, other.size, symbols->owner_name(other.owner),
                           state_name(other.state), other.intact};
  }
  error.neighbours = view->neighbours;
  error.neighbour_count = kept.neighbour_count;
}

}  // namespace heaptag::report
