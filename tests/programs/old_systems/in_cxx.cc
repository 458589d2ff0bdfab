// The headers from C++: types, macros, casts, overloads for both kinds of memory types.
#include <heaptag/mtype.h>
#include <heaptag/osmalloc.h>

#include "cases.h"

namespace {

struct Node {
  Node* next;
  int value;
};

}  // namespace

MALLOC_DECLARE(M_CXX);
MALLOC_DEFINE(M_CXX, "cxx", "nodes of this program");
MALLOC_TYPE_DEFINE(M_CXX_NUMBER, "cxx number", 0);

static void osmalloc() {
  OSMallocTag tag = OSMalloc_Tagalloc("c++", OSMT_DEFAULT);
  OSMallocTag_t same = tag;
  Node* node = static_cast<Node*>(OSMalloc(sizeof(Node), same));
  CHECK(node != nullptr);
  node->value = 1;
  OSFree(node, sizeof(Node), tag);
  OSMalloc_Tagfree(tag);
}

static void mtype() {
  Node* node;
  MALLOC(node, Node*, sizeof(Node), M_CXX, M_WAITOK | M_ZERO);
  CHECK(node != nullptr && node->next == nullptr && node->value == 0);
  heaptag_mtype_stats stats;
  CHECK(heaptag_mtype_get_stats(heaptag_malloc_type_number(M_CXX), &stats) == 0);
  CHECK_EQUAL(stats.inuse, 1);
  CHECK_EQUAL(stats.requested, sizeof(Node));
  FREE(node, M_CXX);
  MALLOC(node, Node*, sizeof(Node), M_CXX_NUMBER, M_NOWAIT);
  CHECK(node != nullptr);
  CHECK(heaptag_mtype_get_stats(M_CXX_NUMBER, &stats) == 0);
  CHECK_EQUAL(stats.inuse, 1);
  const Node* constant = node;
  FREE(constant, M_CXX_NUMBER);
  MALLOC(node, Node*, sizeof(Node), M_DEVBUF, 0);
  FREE(node, M_DEVBUF);
}

static const struct test_case cases[] = {{"osmalloc", osmalloc}, {"mtype", mtype}};

MAIN(cases)
