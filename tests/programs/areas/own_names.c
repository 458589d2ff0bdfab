/* A program with functions of these names of its own, exported, and of other types: it links with
 * nothing of ours. */
#include <stdio.h>

double create_area(double a);

double create_area(double a) {
  return a * 2;
}

const char* find_area(void);

const char* find_area(void) {
  return "mine";
}

int delete_area = 7;

int main(void) {
  printf("%.1f %s %d\n", create_area(21), find_area(), delete_area);
  return 0;
}
