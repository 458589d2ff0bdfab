// The signals of a set, in words.
#pragma once

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char* members(const sigset_t* set) {
  static char text[300];
  text[0] = '\0';
  for (int i = 1; i < 65; i++) {
    if (sigismember(set, i) == 1) {
      sprintf(text + strlen(text), " %d", i);
    }
  }
  return text;
}
