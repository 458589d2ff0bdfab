// What is wrong with a call, or a block, of a zone: told like every other error, with all that is
// known, before the panic. Layer: core/zone.
#pragma once

#include "core/safety/finding.h"
#include "core/zone/zone.h"

namespace heaptag::zone {

struct Complaint {
  safety::Kind kind;
  const void* passed;
  CheckedBlock block;  // record null: none
  uintptr_t pc;        // of the call
  size_t size;         // that the call says; 0: nothing
};

void tell_complaint(const Complaint& complaint);

/// A freed block was written to, has been told of, and is withdrawn.
void panic_about_corruption(const Zone& zone, const CheckedBlock& block);

}  // namespace heaptag::zone
