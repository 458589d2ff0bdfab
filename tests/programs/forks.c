// Forks N children that do nothing until all are there, then end together with their parent.
// forks N
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const int children = argc == 2 ? atoi(argv[1]) : 0;
  int gate[2];
  if (children < 1 || pipe(gate) != 0) {
    return 2;
  }
  for (int i = 0; i < children; i++) {
    const pid_t child = fork();
    if (child < 0) {
      return 3;
    }
    if (child == 0) {
      close(gate[1]);
      char unused;
      return read(gate[0], &unused, 1) == 0 ? 0 : 4;
    }
  }
  close(gate[1]);
  return 0;
}
