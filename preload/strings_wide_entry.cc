// The functions of strings_entry.cc for wide characters, and those that compilers call with
// -D_FORTIFY_SOURCE.
#include "preload/strings_call.h"

using namespace heaptag::strings;

extern "C" {

ENTRY wchar_t* wmemcpy(wchar_t* to, const wchar_t* from, size_t count) {
  CALL();
  call.copies(to, from, count);
  return NEXT(wmemcpy)(to, from, count);
}

ENTRY wchar_t* wmemmove(wchar_t* to, const wchar_t* from, size_t count) {
  CALL();
  call.copies(to, from, count);
  return NEXT(wmemmove)(to, from, count);
}

ENTRY wchar_t* wmempcpy(wchar_t* to, const wchar_t* from, size_t count) {
  CALL();
  call.copies(to, from, count);
  return NEXT(wmempcpy)(to, from, count);
}

ENTRY wchar_t* wmemset(wchar_t* to, wchar_t value, size_t count) {
  CALL();
  call.writes(to, count);
  return NEXT(wmemset)(to, value, count);
}

ENTRY size_t wcslen(const wchar_t* text) {
  CALL();
  const size_t length = length_of(text);
  call.reads(text, length + 1);
  return length;
}

ENTRY size_t wcsnlen(const wchar_t* text, size_t most) {
  CALL();
  const size_t length = length_of(text, most);
  call.reads(text, read_of(length, most));
  return length;
}

ENTRY wchar_t* wcscpy(wchar_t* to, const wchar_t* from) {
  CALL();
  call.copies_text(to, from);
  return NEXT(wcscpy)(to, from);
}

ENTRY wchar_t* wcpcpy(wchar_t* to, const wchar_t* from) {
  CALL();
  call.copies_text(to, from);
  return NEXT(wcpcpy)(to, from);
}

ENTRY wchar_t* wcsncpy(wchar_t* to, const wchar_t* from, size_t count) {
  CALL();
  call.copies_text(to, from, count);
  return NEXT(wcsncpy)(to, from, count);
}

ENTRY wchar_t* wcpncpy(wchar_t* to, const wchar_t* from, size_t count) {
  CALL();
  call.copies_text(to, from, count);
  return NEXT(wcpncpy)(to, from, count);
}

ENTRY wchar_t* wcscat(wchar_t* to, const wchar_t* from) {
  CALL();
  call.appends(to, from);
  return NEXT(wcscat)(to, from);
}

ENTRY wchar_t* wcsncat(wchar_t* to, const wchar_t* from, size_t most) {
  CALL();
  call.appends(to, from, most);
  return NEXT(wcsncat)(to, from, most);
}

ENTRY wchar_t* wcsdup(const wchar_t* text) {
  CALL();
  call.reads(text, length_of(text) + 1);
  return NEXT(wcsdup)(text);
}

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
