// Adding up: the one way to turn the tables into figures, for the peak and for every report.
// Layer: core/allocator.  Allocates: no.  Locks: none; threads may go on.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// Receives parts of an owner's figures. One call carries either freed or allocated words, the
/// others are zero.
struct FigureVisitor {
  void (*add)(void* context, uint32_t owner, const OwnerCounters& part);
  void* context;
};

/// Which words come first decides on which side a sum errs while threads go on: freed ones first,
/// and live = allocated
/// - freed is never negative; allocated ones first, and it is never higher than it ever was.
enum class Order { kFreedFirst, kAllocatedFirst };

/// Visits what all threads say.
void visit_figures(const FigureVisitor& visitor, Order order);

}  // namespace heaptag::allocator
