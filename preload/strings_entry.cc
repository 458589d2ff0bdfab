// libheaptag-strings.so, which is preloaded behind libheaptag.so where every block is guarded: the
// functions of the C library that move and read memory. Each asks whether what it is told to touch
// lies within one block (heaptag_check_access), and goes on in libc's function of its name, by a
// tail call. A guard lies at one side of a block: on the other, libc would read what is there.
//
// Without libheaptag.so nothing is asked. No lock, no allocation.
#include "preload/strings_call.h"

using namespace heaptag::strings;

extern "C" {

ENTRY void* memmove(void* to, const void* from, size_t size) {
  CALL();
  call.copies(to, from, size);
  auto* next = next_or_null<decltype(memmove)>(kIndex_memmove);
  if (__builtin_expect(next == nullptr, 0)) {
    plain_move(to, from, size);
    return to;
  }
  return next(to, from, size);
}

// memmove: programs that were linked before glibc 2.14 may rely on it (memcpy@GLIBC_2.2.5), and on
// this machine both are one function.
ENTRY void* memcpy(void* to, const void* from, size_t size) {
  CALL();
  call.copies(to, from, size);
  auto* next = next_or_null<decltype(memmove)>(kIndex_memmove);
  if (__builtin_expect(next == nullptr, 0)) {
    plain_move(to, from, size);
    return to;
  }
  return next(to, from, size);
}

ENTRY void* memset(void* to, int byte, size_t size) {
  CALL();
  call.writes(to, size);
  auto* next = next_or_null<decltype(memset)>(kIndex_memset);
  if (__builtin_expect(next == nullptr, 0)) {
    for (size_t i = 0; i < size; ++i) {
      static_cast<char*>(to)[i] = static_cast<char>(byte);
    }
    return to;
  }
  return next(to, byte, size);
}

COPY(void, mempcpy, copies)

ENTRY void bcopy(const void* from, void* to, size_t size) {
  CALL();
  call.copies(to, from, size);
  return NEXT(bcopy)(from, to, size);
}

ENTRY void bzero(void* to, size_t size) {
  CALL();
  call.writes(to, size);
  return NEXT(bzero)(to, size);
}

// Of what is searched and compared, only what has to be looked at for the result is asked about:
// when it is known, so that a fault is libc's.

ENTRY void* memchr(const void* memory, int byte, size_t size) {
  CALL();
  auto* next = next_or_null<decltype(memchr)>(kIndex_memchr);
  void* at = next != nullptr ? next(memory, byte, size) : plain_find(memory, byte, size);
  call.reads(
      memory,
      at == nullptr
          ? size
          : static_cast<size_t>(static_cast<char*>(at) - static_cast<const char*>(memory)) + 1);
  return at;
}

ENTRY void* memccpy(void* to, const void* from, int byte, size_t size) {
  CALL();
  auto* at = static_cast<char*>(NEXT(memchr)(from, byte, size));
  call.copies(to, from,
              at == nullptr ? size : static_cast<size_t>(at - static_cast<const char*>(from)) + 1);
  return NEXT(memccpy)(to, from, byte, size);
}

ENTRY int memcmp(const void* left, const void* right, size_t size) {
  CALL();
  auto* next = next_or_null<decltype(memcmp)>(kIndex_memcmp);
  const int order =
      next != nullptr ? next(left, right, size) : plain_compare(left, right, size, false);
  const size_t count = order == 0 ? size : common_length(left, right, size, false) + 1;
  call.reads(left, count);
  call.reads(right, count);
  return order;
}

ENTRY int bcmp(const void* left, const void* right, size_t size) {
  CALL();
  const int order = NEXT(bcmp)(left, right, size);
  const size_t count = order == 0 ? size : common_length(left, right, size, false) + 1;
  call.reads(left, count);
  call.reads(right, count);
  return order;
}

LENGTH(char, strlen)
LENGTH_AT_MOST(char, strnlen)
TEXT(char, strcpy, copies_text)
TEXT(char, stpcpy, copies_text)
COPY(char, strncpy, copies_text)
COPY(char, stpncpy, copies_text)
TEXT(char, strcat, appends)
COPY(char, strncat, appends)
DUPLICATE(char, strdup)

ENTRY char* strndup(const char* text, size_t most) {
  CALL();
  call.reads(text, read_of(length_of(text, most), most));
  return NEXT(strndup)(text, most);
}

ENTRY int strcmp(const char* left, const char* right) {
  CALL();
  auto* next = next_or_null<decltype(strcmp)>(kIndex_strcmp);
  const int order =
      next != nullptr ? next(left, right) : plain_compare(left, right, SIZE_MAX, true);
  const size_t count = common_length(left, right, SIZE_MAX, true) + 1;
  call.reads(left, count);
  call.reads(right, count);
  return order;
}

ENTRY int strncmp(const char* left, const char* right, size_t most) {
  CALL();
  auto* next = next_or_null<decltype(strncmp)>(kIndex_strncmp);
  const int order =
      next != nullptr ? next(left, right, most) : plain_compare(left, right, most, true);
  const size_t count = read_of(common_length(left, right, most, true), most);
  call.reads(left, count);
  call.reads(right, count);
  return order;
}

ENTRY char* strchr(const char* text, int byte) {
  CALL();
  auto* next = next_or_null<decltype(strchr)>(kIndex_strchr);
  char* at = next != nullptr ? next(text, byte)
                             : static_cast<char*>(plain_find(text, byte, length_of(text) + 1));
  call.reads(text, (at == nullptr ? length_of(text) : static_cast<size_t>(at - text)) + 1);
  return at;
}

ENTRY char* strrchr(const char* text, int byte) {
  CALL();
  const size_t count = length_of(text) + 1;
  call.reads(text, count);
  auto* next = next_or_null<decltype(strrchr)>(kIndex_strrchr);
  if (__builtin_expect(next != nullptr, 1)) {
    return next(text, byte);
  }
  for (const char* at = text + count; at-- != text;) {
    if (*at == static_cast<char>(byte)) {
      return const_cast<char*>(at);
    }
  }
  return nullptr;
}

ENTRY char* strstr(const char* text, const char* wanted) {
  CALL();
  char* at = NEXT(strstr)(text, wanted);
  const size_t length = length_of(wanted);
  call.reads(wanted, length + 1);
  call.reads(text, at == nullptr ? length_of(text) + 1 : static_cast<size_t>(at - text) + length);
  return at;
}

}  // extern "C"
