#include "core/zone/complaint.h"

#include "core/allocator/deferred.h"
#include "core/base/format.h"
#include "core/safety/panic.h"

namespace heaptag::zone {

void tell_complaint(const Complaint& complaint) {
  const allocator::QuietScope quiet;
  safety::Finding finding;
  finding.kind = complaint.kind;
  finding.when = safety::FoundWhen::kFree;
  finding.address = reinterpret_cast<uintptr_t>(complaint.passed);
  finding.pc = complaint.pc;
  finding.freed_size = complaint.size;
  finding.block = complaint.block;
  finding.in_block = complaint.block.record != nullptr;
  finding.refused = true;
  finding.panics = true;
  safety::tell(finding);
}

void panic_about_corruption(const Zone& zone, const CheckedBlock& block) {
  const bool is_osmalloc = zone.span_flag == heap::kFlagOsmalloc;
  safety::panic({is_osmalloc ? "OSMalloc: " : "malloc: ",
                 format_hex(reinterpret_cast<uintptr_t>(block.user())).view(), ", ",
                 format_decimal(block.requested).view(),
                 " bytes, was modified after it was freed by ",
                 format_hex(block.record->freed_pc()).view()});
}

}  // namespace heaptag::zone
