#!/bin/bash
# gdb: breakpoints, watchpoints, threads, backtraces, its Python, and a program under the library
# packages: gdb gcc libc6-dev
# programs: gdb
# normalise: addresses pids
. "$REAL/common.sh"
cd tmp
cat > prog.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int global;
struct node { struct node* next; int n; };
static struct node* push(struct node* head, int n) { struct node* x = malloc(sizeof *x); x->next = head; x->n = n; global = n; return x; }
static void* work(void* p) { struct node* h = 0; for (int i = 0; i < 1000; i++) h = push(h, i); return h; }
int main(void) { pthread_t t[3]; struct node* head = 0; for (int i = 0; i < 5; i++) head = push(head, i);
  for (int i = 0; i < 3; i++) { pthread_create(&t[i], 0, work, 0); pthread_join(t[i], 0); }
  printf("%d\n", global); int* bad = 0; *bad = 1; }
C
gcc -g -O0 -pthread -o prog prog.c
cat > script <<'G'
set pagination off
set confirm off
set disable-randomization on
break push if n == 3
run
backtrace
print *head
print n + 40
python print(sum(int(gdb.parse_and_eval("head").dereference()["n"]) for _ in range(100)))
delete
watch global if global == 777
continue
python print(len(gdb.selected_inferior().threads()))
print global
delete
continue
print $_siginfo.si_signo
bt 1
print (char*) strdup("called inside")
print $_exitcode
kill
info line main
ptype struct node
G
gdb -nx -batch -x script ./prog 2>&1 | grep -v -E 'debuginfod|libthread_db|Thread debugging|No such file|^ *$|New Thread|exited'
