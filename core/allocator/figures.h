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

/// Visits what all threads and spans say.
void visit_figures(const FigureVisitor& visitor, Order order);

/// Changes when figures move between tables; odd never. Equal before and after a visit: nothing was
/// seen twice or missed.
uint64_t figures_sequence();

/// The same without waiting for a thread that is moving figures: kFiguresMove then.
uint64_t figures_sequence_now();
inline constexpr uint64_t kFiguresMove = ~uint64_t{0};

/// While in scope, figures stay in their tables: who wants to move some waits, though not for ever.
/// For a reader whom they move too often. Pre: the calling thread is in none of our slow paths.
class FiguresHold {
 public:
  FiguresHold();
  ~FiguresHold();

  FiguresHold(const FiguresHold&) = delete;
  FiguresHold& operator=(const FiguresHold&) = delete;
};

/// Before figures move: waits while they are held.
void wait_until_figures_may_move();

}  // namespace heaptag::allocator
