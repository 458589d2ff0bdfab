// operator new and delete, all twenty; where we stand aside, each calls the one behind it. The base
// forms (new, aligned new, delete, aligned delete) allocate; every other form does what the
// standard says, through the base form that the program ends up with: if the program replaced one,
// that one is called, through the PLT.
//
// The library does not link libstdc++: what is needed of it is found when the program has it.
#include <errno.h>

#include <new>
#include <type_traits>

#include "core/allocator/allocator.h"
#include "core/allocator/checked.h"
#include "core/allocator/remote_free.h"
#include "preload/entry.h"
#include "preload/next.h"

// Weak, all of them: a C program has none.
__asm__(
    ".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n"
    ".weak _Unwind_Resume\n.weak _ZSt9terminatev\n");

namespace std {

[[noreturn]] void __throw_bad_alloc() __attribute__((weak));

}  // namespace std

extern "C" std::new_handler heaptag_get_new_handler() __asm__("_ZSt15get_new_handlerv")
    __attribute__((weak));

namespace heaptag {

namespace {

// Another allocation may succeed after the program's new handler has freed something, as long as it
// has one.
bool ask_new_handler() {
  std::new_handler handler =
      heaptag_get_new_handler != nullptr ? heaptag_get_new_handler() : nullptr;
  if (handler == nullptr) {
    return false;
  }
  handler();
  return true;
}

[[noreturn]] void throw_bad_alloc() {
  if (std::__throw_bad_alloc != nullptr) {
    std::__throw_bad_alloc();
  }
  __builtin_trap();  // operator new in a process without the C++ library
}

// What a form's name says of the blocks it hands out (_Znwm, _Znam) or takes back (_ZdlPv, _ZdaPv).
template <FunctionName kName>
constexpr safety::Family kFamily =
    kName.text[3] == 'a' ? safety::Family::kNewArray : safety::Family::kNew;

bool news_are_ours();
bool deletes_are_ours();

/// What a new form hands out. Where the program has its own delete, and not its own new, it may be
/// one that frees.
template <FunctionName kName>
safety::Family family_given() {
  return deletes_are_ours() ? kFamily<kName> : safety::Family::kAny;
}

[[gnu::noinline]] void* new_after_failure(size_t size,
                                          size_t alignment,
                                          uintptr_t site,
                                          safety::Family family) {
  for (;;) {
    errno = ENOMEM;  // as libstdc++, whose operators call malloc
    if (!ask_new_handler()) {
      throw_bad_alloc();
    }
    void* block = alignment == 0 ? allocator::allocate_slow_as(size, site, family)
                                 : allocator::allocate_aligned(alignment, size, site, family);
    if (block != nullptr) {
      return block;
    }
  }
}

template <FunctionName kName>
[[gnu::noinline]] void* new_slow(size_t size, uintptr_t site, allocator::Slot* slot) {
  if (allocator::stands_aside()) {
    return call_next<kName, void*>(size);
  }
  void* block = allocator::allocate_slow_as(size, site, family_given<kName>(), slot);
  return likely(block != nullptr) ? block : new_after_failure(size, 0, site, family_given<kName>());
}

template <FunctionName kName>
[[gnu::always_inline]] inline void* new_at(size_t size, uintptr_t site) {
  return allocator::allocate<new_slow<kName>>(size, site);
}

// Of an entry point that has no frame.
template <FunctionName kName>
[[gnu::always_inline]] inline void* new_for(size_t size, uintptr_t caller) {
  return allocator::allocate<new_slow<kName>, allocator::allocate_for_caller<new_slow<kName>>>(
      size, caller);
}

/// What a delete form takes back. Where the program has its own new, and not its own delete, its
/// blocks are what it made them of.
template <FunctionName kName>
safety::Family family_taken() {
  return news_are_ours() ? kFamily<kName> : safety::Family::kAny;
}

size_t size_told() {
  return 0;
}

template <typename First, typename... Rest>
size_t size_told(First first, Rest... /*rest*/) {
  if constexpr (std::is_same_v<First, size_t>) {
    return first;
  }
  return 0;
}

// `rest`: what else the form gets, size or alignment.
template <FunctionName kName, typename... Rest>
[[gnu::noinline]] void delete_slow(void* block, heap::Span* span, Rest... rest) noexcept {
  if (allocator::free_into_batch(block, span)) {
    return;
  }
  if (allocator::is_checked(span)) {
    return allocator::deallocate_checked(block, span, HEAPTAG_CALLER(), family_taken<kName>(),
                                         size_told(rest...));
  }
  if (allocator::stands_aside()) {
    return call_next<kName, void>(block, rest...);
  }
  allocator::deallocate_slow(block, {HEAPTAG_CALLER(), family_taken<kName>(), size_told(rest...)});
}

template <FunctionName kName, typename... Rest>
[[gnu::always_inline]] inline void delete_at(void* block, Rest... rest) {
  allocator::deallocate_or(block,
                           [=](heap::Span* span) { delete_slow<kName>(block, span, rest...); });
}

template <FunctionName kName>
[[gnu::always_inline]] inline void* new_aligned_at(size_t size, size_t alignment, uintptr_t site) {
  if (unlikely(!is_power_of_two(alignment))) {
    throw_bad_alloc();  // as libstdc++
  }
  void* block = allocator::allocate_aligned(alignment, size, site, family_given<kName>());
  return likely(block != nullptr) ? block
                                  : new_after_failure(size, alignment, site, family_given<kName>());
}

}  // namespace

}  // namespace heaptag

using heaptag::allocator::stands_aside;

HEAPTAG_EXPORT void* operator new(size_t size) {
  return heaptag::new_for<"_Znwm">(size, HEAPTAG_CALLER());
}

HEAPTAG_EXPORT void* operator new(size_t size, std::align_val_t alignment) {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnwmSt11align_val_t", void*>(size, alignment);
  }
  return heaptag::new_aligned_at<"_Znwm">(size, static_cast<size_t>(alignment), HEAPTAG_SITE());
}

HEAPTAG_EXPORT void operator delete(void* block) noexcept {
  heaptag::delete_at<"_ZdlPv">(block);
}

HEAPTAG_EXPORT void operator delete(void* block, std::align_val_t alignment) noexcept {
  heaptag::delete_at<"_ZdlPvSt11align_val_t">(block, alignment);
}

// Has the program kept our base form? Its own, if it has one, comes first in the loader's search.
extern "C" {
__attribute__((visibility("hidden"), alias("_Znwm"))) void* heaptag_own_new(size_t);
__attribute__((visibility("hidden"),
               alias("_ZnwmSt11align_val_t"))) void* heaptag_own_new_aligned(size_t,
                                                                             std::align_val_t);
__attribute__((visibility("hidden"), alias("_ZdlPv"))) void heaptag_own_delete(void*);
__attribute__((visibility("hidden"), alias("_ZdlPvSt11align_val_t"))) void
heaptag_own_delete_aligned(void*, std::align_val_t);
}

namespace heaptag {

namespace {

using New = void* (*)(size_t);
using NewAligned = void* (*)(size_t, std::align_val_t);
using Delete = void (*)(void*);
using DeleteAligned = void (*)(void*, std::align_val_t);

bool new_is_ours() {
  return static_cast<New>(&::operator new) == &heaptag_own_new;
}

bool new_aligned_is_ours() {
  return static_cast<NewAligned>(&::operator new) == &heaptag_own_new_aligned;
}

// `kName` is the form's own: that one is called where we stand aside.
template <FunctionName kName, typename... Rest>
[[gnu::always_inline]] inline void delete_by_base(void* block, Rest... rest) {
  if (likely(static_cast<Delete>(&::operator delete) == &heaptag_own_delete)) {
    delete_at<kName>(block, rest...);
  } else {
    ::operator delete(block);
  }
}

template <FunctionName kName, typename... Rest>
[[gnu::always_inline]] inline void delete_aligned_by_base(void* block,
                                                          std::align_val_t alignment,
                                                          Rest... rest) {
  if (likely(static_cast<DeleteAligned>(&::operator delete) == &heaptag_own_delete_aligned)) {
    delete_at<kName>(block, rest...);
  } else {
    ::operator delete(block, alignment);
  }
}

// The forms that report failure by null still let the new handler try, and it may throw.
template <FunctionName kName>
[[gnu::noinline]] void* new_or_null(size_t size, uintptr_t site) noexcept {
  try {
    return new_is_ours() ? new_at<kName>(size, site) : ::operator new(size);
  } catch (...) {
    return nullptr;
  }
}

template <FunctionName kName>
[[gnu::noinline]] void* new_aligned_or_null(size_t size,
                                            std::align_val_t alignment,
                                            uintptr_t site) noexcept {
  try {
    return new_aligned_is_ours() ? new_aligned_at<kName>(size, static_cast<size_t>(alignment), site)
                                 : ::operator new(size, alignment);
  } catch (...) {
    return nullptr;
  }
}

// new[] as a program may replace it: the nothrow form of the array goes through it.
[[gnu::noinline]] void* new_array_or_null(size_t size) noexcept {
  try {
    return ::operator new[](size);
  } catch (...) {
    return nullptr;
  }
}

[[gnu::noinline]] void* new_array_aligned_or_null(size_t size,
                                                  std::align_val_t alignment) noexcept {
  try {
    return ::operator new[](size, alignment);
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

}  // namespace heaptag

extern "C" {
__attribute__((visibility("hidden"), alias("_Znam"))) void* heaptag_own_new_array(size_t);
__attribute__((visibility("hidden"), alias("_ZnamSt11align_val_t"))) void*
    heaptag_own_new_array_aligned(size_t, std::align_val_t);
__attribute__((visibility("hidden"), alias("_ZdaPv"))) void heaptag_own_delete_array(void*);
__attribute__((visibility("hidden"), alias("_ZdaPvSt11align_val_t"))) void
heaptag_own_delete_array_aligned(void*, std::align_val_t);
}

namespace heaptag {

namespace {

bool news_are_ours() {
  return new_is_ours() && new_aligned_is_ours() &&
         static_cast<New>(&::operator new[]) == &heaptag_own_new_array;
}

bool deletes_are_ours() {
  return static_cast<Delete>(&::operator delete) == &heaptag_own_delete &&
         static_cast<Delete>(&::operator delete[]) == &heaptag_own_delete_array &&
         static_cast<DeleteAligned>(&::operator delete) == &heaptag_own_delete_aligned;
}

}  // namespace

}  // namespace heaptag

HEAPTAG_EXPORT void* operator new[](size_t size) {
  return heaptag::new_is_ours() ? heaptag::new_for<"_Znam">(size, HEAPTAG_CALLER())
                                : ::operator new(size);
}

HEAPTAG_EXPORT void* operator new[](size_t size, std::align_val_t alignment) {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnamSt11align_val_t", void*>(size, alignment);
  }
  return heaptag::new_aligned_is_ours() ? heaptag::new_aligned_at<"_Znam">(
                                              size, static_cast<size_t>(alignment), HEAPTAG_SITE())
                                        : ::operator new(size, alignment);
}

HEAPTAG_EXPORT void* operator new(size_t size, const std::nothrow_t& tag) noexcept {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnwmRKSt9nothrow_t", void*, size_t, const std::nothrow_t&>(size,
                                                                                           tag);
  }
  return heaptag::new_or_null<"_Znwm">(size, HEAPTAG_SITE());
}

HEAPTAG_EXPORT void* operator new(size_t size,
                                  std::align_val_t alignment,
                                  const std::nothrow_t& tag) noexcept {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnwmSt11align_val_tRKSt9nothrow_t", void*, size_t, std::align_val_t,
                              const std::nothrow_t&>(size, alignment, tag);
  }
  return heaptag::new_aligned_or_null<"_Znwm">(size, alignment, HEAPTAG_SITE());
}

HEAPTAG_EXPORT void* operator new[](size_t size, const std::nothrow_t& tag) noexcept {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnamRKSt9nothrow_t", void*, size_t, const std::nothrow_t&>(size,
                                                                                           tag);
  }
  const bool ours = static_cast<heaptag::New>(&::operator new[]) == &heaptag_own_new_array;
  return ours ? heaptag::new_or_null<"_Znam">(size, HEAPTAG_SITE())
              : heaptag::new_array_or_null(size);
}

HEAPTAG_EXPORT void* operator new[](size_t size,
                                    std::align_val_t alignment,
                                    const std::nothrow_t& tag) noexcept {
  if (stands_aside()) {
    return heaptag::call_next<"_ZnamSt11align_val_tRKSt9nothrow_t", void*, size_t, std::align_val_t,
                              const std::nothrow_t&>(size, alignment, tag);
  }
  const bool ours =
      static_cast<heaptag::NewAligned>(&::operator new[]) == &heaptag_own_new_array_aligned;
  return ours ? heaptag::new_aligned_or_null<"_Znam">(size, alignment, HEAPTAG_SITE())
              : heaptag::new_array_aligned_or_null(size, alignment);
}

HEAPTAG_EXPORT void operator delete[](void* block) noexcept {
  heaptag::delete_by_base<"_ZdaPv">(block);
}

HEAPTAG_EXPORT void operator delete(void* block, const std::nothrow_t& tag) noexcept {
  heaptag::delete_by_base<"_ZdlPvRKSt9nothrow_t">(block, &tag);
}

HEAPTAG_EXPORT void operator delete(void* block, size_t size) noexcept {
  heaptag::delete_by_base<"_ZdlPvm">(block, size);
}

HEAPTAG_EXPORT void operator delete[](void* block, std::align_val_t alignment) noexcept {
  heaptag::delete_aligned_by_base<"_ZdaPvSt11align_val_t">(block, alignment, alignment);
}

HEAPTAG_EXPORT void operator delete(void* block, size_t size, std::align_val_t alignment) noexcept {
  heaptag::delete_aligned_by_base<"_ZdlPvmSt11align_val_t">(block, alignment, size, alignment);
}

HEAPTAG_EXPORT void operator delete(void* block,
                                    std::align_val_t alignment,
                                    const std::nothrow_t& tag) noexcept {
  heaptag::delete_aligned_by_base<"_ZdlPvSt11align_val_tRKSt9nothrow_t">(block, alignment,
                                                                         alignment, &tag);
}

namespace heaptag {

namespace {

// The other forms of delete[] go through the array's base form, which a program may have replaced.
template <FunctionName kName, typename... Rest>
[[gnu::always_inline]] inline void delete_array_by_base(void* block, Rest... rest) {
  if (likely(static_cast<Delete>(&::operator delete[]) == &heaptag_own_delete_array)) {
    delete_by_base<kName>(block, rest...);
  } else {
    ::operator delete[](block);
  }
}

template <FunctionName kName, typename... Rest>
[[gnu::always_inline]] inline void delete_array_aligned_by_base(void* block,
                                                                std::align_val_t alignment,
                                                                Rest... rest) {
  if (likely(static_cast<DeleteAligned>(&::operator delete[]) ==
             &heaptag_own_delete_array_aligned)) {
    delete_aligned_by_base<kName>(block, alignment, rest...);
  } else {
    ::operator delete[](block, alignment);
  }
}

}  // namespace

}  // namespace heaptag

HEAPTAG_EXPORT void operator delete[](void* block, const std::nothrow_t& tag) noexcept {
  heaptag::delete_array_by_base<"_ZdaPvRKSt9nothrow_t">(block, &tag);
}

HEAPTAG_EXPORT void operator delete[](void* block, size_t size) noexcept {
  heaptag::delete_array_by_base<"_ZdaPvm">(block, size);
}

HEAPTAG_EXPORT void operator delete[](void* block,
                                      size_t size,
                                      std::align_val_t alignment) noexcept {
  heaptag::delete_array_aligned_by_base<"_ZdaPvmSt11align_val_t">(block, alignment, size,
                                                                  alignment);
}

HEAPTAG_EXPORT void operator delete[](void* block,
                                      std::align_val_t alignment,
                                      const std::nothrow_t& tag) noexcept {
  heaptag::delete_array_aligned_by_base<"_ZdaPvSt11align_val_tRKSt9nothrow_t">(block, alignment,
                                                                               alignment, &tag);
}
