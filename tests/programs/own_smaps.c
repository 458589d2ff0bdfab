// Copies /proc/self/smaps to stdout and allocates nothing.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
  char buffer[4096];
  const int file = open("/proc/self/smaps", O_RDONLY);
  for (;;) {
    const ssize_t length = read(file, buffer, sizeof buffer);
    if (length <= 0) {
      return length < 0;
    }
    if (write(STDOUT_FILENO, buffer, (size_t)length) != length) {
      return 1;
    }
  }
}
