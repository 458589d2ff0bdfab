// Closes 0 to 2, then opens its own files there, works, and exits with status 5.
// closes_all FILE FILE FILE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  for (int fd = 0; fd < 64; fd++) {
    close(fd);
  }
  for (int fd = 0; fd < 3; fd++) {
    if (open(argv[fd + 1], O_CREAT | O_RDWR | O_TRUNC, 0600) != fd) {
      return 3;
    }
  }
  for (int i = 0; i < 1000; i++) {
    char* text = malloc(100);
    memset(text, 'a' + i % 26, 100);
    if (write(i % 3, text, 100) != 100) {
      return 4;
    }
    if (i % 2 == 0) {
      free(text);
    }
  }
  exit(5);
}
