// Takes SIGABRT, as a program with its own crash reporter does, and makes one error, or none.
//
//     own_abort double_free|write_after_free|none
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_abort(int signal_number) {
  static const char told[] = "handler\n";
  (void)signal_number;
  (void)!write(STDOUT_FILENO, told, sizeof told - 1);
}

int main(int count, char** words) {
  const char* error = count > 1 ? words[1] : "none";
  signal(SIGABRT, on_abort);
  char* volatile block = malloc(50);
  free(block);
  if (strcmp(error, "double_free") == 0)
    free(block);
  if (strcmp(error, "write_after_free") == 0)
    *(volatile char*)block = 1;
  puts("went on");
  fflush(stdout);
  return 0;
}
