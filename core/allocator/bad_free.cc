#include "core/allocator/bad_free.h"

#include "core/heap/address_map.h"

namespace heaptag::allocator {

using heap::Span;
using heap::SpanState;
using safety::Finding;
using safety::Kind;

namespace {

// The block that an address of a span in use lies in, as far as that is known without a record.
safety::CheckedBlock outline_of(const Span* span, const void* block) {
  safety::CheckedBlock outline{};
  if (span->state == SpanState::kLarge) {
    outline.base = span->base;
    outline.bytes = span->size_bytes();
    outline.requested = span->requested_large;
  } else if (span->thread != nullptr) {
    const uint32_t index = span->index_of_block(block);
    if (index < span->capacity) {
      outline.base = span->base + size_t{index} * span->block_bytes;
      outline.bytes = span->block_bytes;
      outline.requested = span->is_uniform() ? span->requested_bytes : size_t{span->block_bytes};
    }
  }
  return outline;
}

}  // namespace

Kind kind_of_bad_free(const Span* span, const void* block) {
  if (span->state == SpanState::kLarge && block != span->base) {
    return Kind::kInteriorFree;
  }
  // Pages that read as zero were never used, or not for long.
  const bool was_used = span->state == SpanState::kFree && (span->flags & heap::kFlagZeroed) == 0;
  return was_used ? Kind::kDoubleFree : Kind::kInvalidFree;
}

Finding finding_of_call(Kind kind, const void* passed, const Release& release) {
  Finding finding;
  finding.kind = kind;
  finding.when = safety::FoundWhen::kFree;
  finding.address = reinterpret_cast<uintptr_t>(passed);
  finding.pc = release.pc;
  finding.freed_as = release.family;
  finding.freed_size = release.size;
  return finding;
}

void tell_bad_free(Kind kind, const Span* span, const void* block, const Release& release) {
  Finding finding = finding_of_call(kind, block, release);
  finding.block = outline_of(span, block);
  finding.in_block = finding.block.base != nullptr;
  finding.refused = true;
  safety::tell(finding);
}

}  // namespace heaptag::allocator
