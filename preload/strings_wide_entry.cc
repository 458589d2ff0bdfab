// The functions of strings_entry.cc for wide characters, and those that compilers call with
// -D_FORTIFY_SOURCE.
#include "preload/strings_call.h"

using namespace heaptag::strings;

extern "C" {

COPY(wchar_t, wmemcpy, copies)
COPY(wchar_t, wmemmove, copies)
COPY(wchar_t, wmempcpy, copies)

ENTRY wchar_t* wmemset(wchar_t* to, wchar_t value, size_t count) {
  CALL();
  call.writes(to, count);
  return NEXT(wmemset)(to, value, count);
}

LENGTH(wchar_t, wcslen)
LENGTH_AT_MOST(wchar_t, wcsnlen)
TEXT(wchar_t, wcscpy, copies_text)
TEXT(wchar_t, wcpcpy, copies_text)
COPY(wchar_t, wcsncpy, copies_text)
COPY(wchar_t, wcpncpy, copies_text)
TEXT(wchar_t, wcscat, appends)
COPY(wchar_t, wcsncat, appends)
DUPLICATE(wchar_t, wcsdup)

// The last argument says how much room the compiler knows of: libc ends the program when that is
// too little.

#define CHK_COPY(Char, name, how)                                                     \
  ENTRY Char* __##name##_chk(Char* to, const Char* from, size_t count, size_t room) { \
    CALL();                                                                           \
    call.how(to, from, count);                                                        \
    return NEXT(__##name##_chk)(to, from, count, room);                               \
  }

#define CHK_TEXT(Char, name, how)                                       \
  ENTRY Char* __##name##_chk(Char* to, const Char* from, size_t room) { \
    CALL();                                                             \
    call.how(to, from);                                                 \
    return NEXT(__##name##_chk)(to, from, room);                        \
  }

#define CHK_SET(Char, Value, name)                                               \
  ENTRY Char* __##name##_chk(Char* to, Value value, size_t count, size_t room) { \
    CALL();                                                                      \
    call.writes(to, count);                                                      \
    return NEXT(__##name##_chk)(to, value, count, room);                         \
  }

CHK_COPY(void, memcpy, copies)
CHK_COPY(void, memmove, copies)
CHK_COPY(void, mempcpy, copies)
CHK_SET(void, int, memset)
CHK_TEXT(char, strcpy, copies_text)
CHK_TEXT(char, stpcpy, copies_text)
CHK_COPY(char, strncpy, copies_text)
CHK_COPY(char, stpncpy, copies_text)
CHK_TEXT(char, strcat, appends)
CHK_COPY(char, strncat, appends)
CHK_COPY(wchar_t, wmemcpy, copies)
CHK_COPY(wchar_t, wmemmove, copies)
CHK_COPY(wchar_t, wmempcpy, copies)
CHK_SET(wchar_t, wchar_t, wmemset)
CHK_TEXT(wchar_t, wcscpy, copies_text)
CHK_TEXT(wchar_t, wcpcpy, copies_text)
CHK_COPY(wchar_t, wcsncpy, copies_text)
CHK_COPY(wchar_t, wcpncpy, copies_text)
CHK_TEXT(wchar_t, wcscat, appends)
CHK_COPY(wchar_t, wcsncat, appends)

}  // extern "C"
