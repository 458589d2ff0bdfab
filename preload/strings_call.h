// What the entry points of libheaptag-strings.so share: libc's functions, what stands in for them
// until they are known, and what a call is about to touch. The headers of these functions are left
// out: in C++ they declare some of them otherwise.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ENTRY __attribute__((visibility("default"), used, noinline, noclone))

// With the program's return address, and where its stack was then.
#define CALL()                 \
  const Call call {            \
    __builtin_frame_address(0) \
  }

extern "C" __attribute__((weak)) void heaptag_check_access(const void* address,
                                                           size_t size,
                                                           int is_write,
                                                           const void* entry);

namespace heaptag::strings {

enum Index : unsigned {

#define HEAPTAG_ENTRY(symbol, standard) kIndex_##symbol,
#include "preload/strings_entries.def"
#undef HEAPTAG_ENTRY
  kFunctions
};

extern void* found[kFunctions];

/// Looks all of them up, if nobody does. Null when this one is not known yet.
void* look_up(Index index);

/// For what is not called by whoever allocates for dlsym.
void* look_up_alone(Index index);

/// Libc's function. Null while dlsym is at work, and before the loader is done.
template <typename Function>
[[gnu::always_inline]] inline Function* next_or_null(Index index) {
  void* next = __atomic_load_n(&found[index], __ATOMIC_RELAXED);
  if (__builtin_expect(next == nullptr, 0)) {
    next = look_up(index);
  }
  return reinterpret_cast<Function*>(next);
}

template <typename Function>
[[gnu::always_inline]] inline Function* next_of(Index index) {
  auto* next = next_or_null<Function>(index);
  return __builtin_expect(next != nullptr, 1) ? next
                                              : reinterpret_cast<Function*>(look_up_alone(index));
}

#define NEXT(name) next_of<decltype(name)>(kIndex_##name)

// Functions of one shape, narrow and wide; `how` is a member of Call.

#define COPY(Char, name, how)                                  \
  ENTRY Char* name(Char* to, const Char* from, size_t count) { \
    CALL();                                                    \
    call.how(to, from, count);                                 \
    return NEXT(name)(to, from, count);                        \
  }

#define TEXT(Char, name, how)                    \
  ENTRY Char* name(Char* to, const Char* from) { \
    CALL();                                      \
    call.how(to, from);                          \
    return NEXT(name)(to, from);                 \
  }

#define LENGTH(Char, name)                 \
  ENTRY size_t name(const Char* text) {    \
    CALL();                                \
    const size_t length = length_of(text); \
    call.reads(text, length + 1);          \
    return length;                         \
  }

#define LENGTH_AT_MOST(Char, name)                   \
  ENTRY size_t name(const Char* text, size_t most) { \
    CALL();                                          \
    const size_t length = length_of(text, most);     \
    call.reads(text, read_of(length, most));         \
    return length;                                   \
  }

#define DUPLICATE(Char, name)              \
  ENTRY Char* name(const Char* text) {     \
    CALL();                                \
    call.reads(text, length_of(text) + 1); \
    return NEXT(name)(text);               \
  }

// In the place of libc's until that is known.
template <typename Char>
inline size_t plain_length(const Char* text, size_t most) {
  size_t length = 0;
  while (length < most && text[length] != 0) {
    ++length;
  }
  return length;
}

inline void plain_move(void* to, const void* from, size_t size) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (target <= source) {
    for (size_t i = 0; i < size; ++i) {
      target[i] = source[i];
    }
  } else {
    while (size-- != 0) {
      target[size] = source[size];
    }
  }
}

// Where they differ, or where both end, or `most`.
inline size_t common_length(const void* left, const void* right, size_t most, bool ends_at_nul) {
  const auto* a = static_cast<const uint8_t*>(left);
  const auto* b = static_cast<const uint8_t*>(right);
  size_t i = 0;
  while (i < most && a[i] == b[i] && (!ends_at_nul || a[i] != 0)) {
    ++i;
  }
  return i;
}

inline int plain_compare(const void* left, const void* right, size_t most, bool ends_at_nul) {
  const size_t at = common_length(left, right, most, ends_at_nul);
  return at == most
             ? 0
             : static_cast<const uint8_t*>(left)[at] - static_cast<const uint8_t*>(right)[at];
}

inline void* plain_find(const void* memory, int byte, size_t size) {
  const auto* at = static_cast<const uint8_t*>(memory);
  for (; size-- != 0; ++at) {
    if (*at == static_cast<uint8_t>(byte)) {
      return const_cast<uint8_t*>(at);
    }
  }
  return nullptr;
}

inline size_t length_of(const char* text) {
  using Function = size_t(const char*);
  auto* next = next_or_null<Function>(kIndex_strlen);
  return next != nullptr ? next(text) : plain_length(text, SIZE_MAX);
}

inline size_t length_of(const wchar_t* text) {
  using Function = size_t(const wchar_t*);
  return next_of<Function>(kIndex_wcslen)(text);
}

inline size_t length_of(const char* text, size_t most) {
  using Function = size_t(const char*, size_t);
  return next_of<Function>(kIndex_strnlen)(text, most);
}

inline size_t length_of(const wchar_t* text, size_t most) {
  using Function = size_t(const wchar_t*, size_t);
  return next_of<Function>(kIndex_wcsnlen)(text, most);
}

template <typename Char>
constexpr size_t bytes_of(size_t count) {
  return count > SIZE_MAX / sizeof(Char) ? SIZE_MAX : count * sizeof(Char);
}

// What is read of a text of which `most` characters are looked at, its end included.
constexpr size_t read_of(size_t length, size_t most) {
  return length < most ? length + 1 : most;
}

// What a function that the program has called is about to touch.
struct Call {
  const void* entry;

  template <typename Char>
  [[gnu::always_inline]] void reads(const Char* at, size_t count) const {
    ask(at, bytes_of<Char>(count), 0);
  }

  template <typename Char>
  [[gnu::always_inline]] void writes(const Char* at, size_t count) const {
    ask(at, bytes_of<Char>(count), 1);
  }

  [[gnu::always_inline]] void reads(const void* at, size_t size) const { ask(at, size, 0); }

  [[gnu::always_inline]] void writes(const void* at, size_t size) const { ask(at, size, 1); }

  template <typename To, typename From>
  [[gnu::always_inline]] void copies(const To* to, const From* from, size_t count) const {
    reads(from, count);
    writes(to, count);
  }

  template <typename Char>
  [[gnu::always_inline]] void copies_text(const Char* to, const Char* from) const {
    copies(to, from, length_of(from) + 1);
  }

  // strncpy: the rest is filled up.
  template <typename Char>
  [[gnu::always_inline]] void copies_text(const Char* to, const Char* from, size_t count) const {
    reads(from, read_of(length_of(from, count), count));
    writes(to, count);
  }

  template <typename Char>
  [[gnu::always_inline]] void appends(const Char* to, const Char* from) const {
    const size_t old = length_of(to);
    reads(to, old + 1);
    copies(to + old, from, length_of(from) + 1);
  }

  // strncat: the end is always written.
  template <typename Char>
  [[gnu::always_inline]] void appends(const Char* to, const Char* from, size_t most) const {
    const size_t old = length_of(to);
    const size_t added = length_of(from, most);
    reads(to, old + 1);
    reads(from, read_of(added, most));
    writes(to + old, added + 1);
  }

 private:
  [[gnu::always_inline]] void ask(const void* at, size_t size, int is_write) const {
    if (size != 0 && heaptag_check_access != nullptr) {
      heaptag_check_access(at, size, is_write, entry);
    }
  }
};

}  // namespace heaptag::strings
