#include "core/tag/wrapper_names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heaptag::tag {
namespace {

/// Those of the names that are taken for the other thing than `expected`, in module `module`.
std::vector<std::string> wrong(bool expected,
                               const std::vector<std::string>& names,
                               const char* module = "program") {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (is_wrapper_name(name, module) != expected) {
      found.push_back(name);
    }
  }
  return found;
}

using Names = std::vector<std::string>;

TEST(WrapperNames, OfTheCLibrary) {
  EXPECT_EQ(wrong(true,
                  {"strdup",
                   "__strdup",
                   "strndup",
                   "wcsdup",
                   "asprintf",
                   "__vasprintf_chk",
                   "getline",
                   "getdelim",
                   "realpath",
                   "getcwd",
                   "get_current_dir_name",
                   "fopen",
                   "__fopen_internal",
                   "fdopen",
                   "popen",
                   "opendir",
                   "__alloc_dir",
                   "scandir",
                   "open_memstream",
                   "tmpfile",
                   "reallocarray",
                   "posix_memalign"},
                  "libc.so.6"),
            Names{});
  EXPECT_EQ(wrong(false,
                  {"regcomp", "getaddrinfo", "setlocale", "qsort", "setenv", "fputs", "free",
                   "getlines", "fopens", "strdup2", "sfopen", "_dl_new_object"},
                  "libc.so.6"),
            Names{});
}

TEST(WrapperNames, Habits) {
  EXPECT_EQ(
      wrong(true, {"xmalloc",        "xmalloc0",       "my_xmalloc", "util_malloc", "pool_calloc",
                   "buffer_realloc", "str_strdup",     "my_memdup",  "xasprintf",   "safe_malloc",
                   "safe_alloc",     "checked_calloc", "emalloc",    "estrdup",     "ck_alloc",
                   "alloc_or_die",   "x2realloc",      "kzalloc",    "SafeMalloc",  "yyalloc",
                   "json_yyrealloc"}),
      Names{});
  EXPECT_EQ(wrong(false, {"pixels_alloc", "cache_new", "node_create", "alloc", "allocate",
                          "malloc_stats", "malloc_trim", "mallocate", "xmal", "dealloc",
                          "file_dealloc", "unsafe_dup", "main", "", "x", "_", "_Z", "_ZN", "_R"}),
            Names{});
}

TEST(WrapperNames, SuffixesDoNotCount) {
  EXPECT_EQ(wrong(true, {"xmalloc.cold", "xmalloc.part.0", "xmalloc.constprop.0.isra.0",
                         "strdup@@GLIBC_2.2.5", "strdup@GLIBC_2.2.5", "my_malloc.lto_priv.0",
                         "_ZL7xmallocm.part.0", "_ZNSt6vectorIiSaIiEE7reserveEm.cold"}),
            Names{});
  EXPECT_EQ(wrong(false, {"strlen@@GLIBC_2.2.5", "parse.part.0", "main.cold", ".strdup"}), Names{});
}

TEST(WrapperNames, OfLibrariesInC) {
  EXPECT_EQ(wrong(true, {"g_malloc",
                         "g_malloc0_n",
                         "g_strdup_printf",
                         "g_slice_alloc0",
                         "g_hash_table_insert",
                         "g_object_new_valist",
                         "g_type_create_instance",
                         "PyMem_RawMalloc",
                         "_PyObject_GC_New",
                         "PyType_GenericAlloc",
                         "Perl_safesysmalloc",
                         "Perl_sv_grow",
                         "l_alloc",
                         "luaM_realloc_",
                         "sqlite3_malloc64",
                         "sqlite3DbMallocRawNN",
                         "pcache1Alloc",
                         "CRYPTO_zalloc",
                         "OPENSSL_sk_push",
                         "BUF_MEM_grow",
                         "xmlStrdup",
                         "xmlBufGrow",
                         "apr_palloc",
                         "apr_pool_create_ex",
                         "av_mallocz",
                         "av_buffer_alloc",
                         "ruby_xmalloc2",
                         "_emalloc_56",
                         "_safe_malloc",
                         "palloc0",
                         "MemoryContextAlloc",
                         "AllocSetAlloc",
                         "ngx_palloc",
                         "zmalloc",
                         "ztrycalloc_usable",
                         "sdscatlen",
                         "jsonp_malloc",
                         "cJSON_New_Item",
                         "Curl_saferealloc",
                         "uv__malloc",
                         "zcalloc",
                         "strbuf_grow",
                         "do_xmallocz",
                         "_obstack_newchunk",
                         "objalloc_create",
                         "bfd_zalloc",
                         "ggc_alloc",
                         "caml_stat_alloc",
                         "gomp_malloc",
                         "__gnat_malloc",
                         "gpr_zalloc"}),
            Names{});
  EXPECT_EQ(wrong(false,
                  {"PyList_New",     "PyDict_New",         "PyUnicode_New", "PyTuple_New",
                   "Perl_newSVpv",   "Perl_hv_common",     "luaH_new",      "luaS_newlstr",
                   "sqlite3_open",   "sqlite3BtreeInsert", "BN_new",        "EVP_MD_CTX_new",
                   "SSL_new",        "xmlNewNode",         "xmlParseDoc",   "apr_socket_create",
                   "avcodec_open2",  "av_frame_clone",     "rb_ary_new",    "zend_parse_parameters",
                   "makeNode",       "ngx_http_init",      "createClient",  "json_loads",
                   "curl_easy_init", "uv_loop_init",       "deflateInit_",  "g_main_loop_new",
                   "g_thread_new",   "make_node",          "commit_tree",   "gimple_alloc"}),
            Names{});
}

TEST(WrapperNames, SomeOnlyInTheirOwnModules) {
  EXPECT_TRUE(is_wrapper_name("alloc_clear", "vim.basic"));
  EXPECT_FALSE(is_wrapper_name("alloc_clear", "program"));
  EXPECT_TRUE(is_wrapper_name("new_list", "postgres"));
  EXPECT_FALSE(is_wrapper_name("new_list", "program"));
  EXPECT_TRUE(is_wrapper_name("dictAddRaw", "valkey-server"));
  EXPECT_FALSE(is_wrapper_name("dictAddRaw", "dictionary"));
  EXPECT_TRUE(is_wrapper_name("_ZN3vecIP9tree_node7va_heap6vl_ptrE7reserveEjb", "cc1plus"));
  EXPECT_FALSE(is_wrapper_name("_ZN3vecIP9tree_node7va_heap6vl_ptrE7reserveEjb", "game"));
}

TEST(WrapperNames, ContainersOfTheStandardLibrary) {
  EXPECT_EQ(
      wrong(
          true,
          {"_ZNSt6vectorIiSaIiEE17_M_realloc_insertIJRKiEEEvN9__gnu_cxx17__normal_iteratorIPiS1_"
           "EEDpOT_",
           "_ZNSt6vectorIiSaIiEEC1ERKS1_", "_ZNSt12_Vector_baseIiSaIiEE11_M_allocateEm",
           "_ZNSt5dequeIiSaIiEE16_M_push_back_auxIJRKiEEEvDpOT_",
           "_ZNSt7__cxx114listIiSaIiEE14_M_create_nodeIJRKiEEEPSt10_List_nodeIiEDpOT_",
           "_ZNSt8_Rb_treeIiSt4pairIKiiESt10_Select1stIS2_ESt4lessIiESaIS2_EE14_M_create_nodeIJS2_"
           "EEEPSt13_Rb_tree_nodeIS2_EDpOT_",
           "_ZNSt10_HashtableIiiSaIiENSt8__detail9_IdentityESt8equal_toIiESt4hashIiENS1_18_Mod_"
           "range"
           "_hashingENS1_20_Default_ranged_hashENS1_20_Prime_rehash_policyENS1_17_Hashtable_"
           "traitsILb"
           "0ELb1ELb1EEEE9_M_rehashEmRKm",
           "_ZNSt8__detail16_Hashtable_allocISaINS_10_Hash_nodeIiLb0EEEEE19_M_allocate_bucketsEm",
           "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm",
           "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE6substrEmm",
           "_ZNSs4_Rep9_S_createEmmRKSaIcE", "_ZNSsC1EPKcRKSaIcE",
           "_ZNSbIwSt11char_traitsIwESaIwEE7reserveEm",
           "_ZNSt7__debug6vectorIiSaIiEE9push_backERKi",
           "_ZNSt9__cxx19987__cxx114listIiSaIiEE9push_backERKi",
           "_ZNSt3__16vectorIiNS_9allocatorIiEEE6appendEm",
           "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE9__grow_byEmmmmmm"}),
      Names{});
}

TEST(WrapperNames, HelpersOfTheStandardLibrary) {
  EXPECT_EQ(
      wrong(
          true,
          {"_ZN9__gnu_cxx13new_allocatorIcE8allocateEmPKv",
           "_ZNSt15__new_allocatorIcE8allocateEmPKv",
           "_ZNSt16allocator_traitsISaIcEE8allocateERS0_m",
           "_ZNSaIcE8allocateEm",
           "_ZSt11make_uniqueI3FooJiEENSt8__detail9_MakeUniqIT_E15__single_objectEDpOT0_",
           "_ZSt11make_sharedI3FooJEESt10shared_ptrIT_EDpOT0_",
           "_ZNSt14__shared_countILN9__gnu_cxx12_Lock_policyE2EEC2I3FooSaIvEJEEERPT_St20_Sp_alloc_"
           "shared_tagIT0_EDpOT1_",
           "_ZNSt10shared_ptrI3FooEC1IS0_vEEPT_",
           "_ZNSt8functionIFvvEEC2IZ4mainEUlvE_vEEOT_",
           "_ZNSt17_Function_handlerIFvvEZ4mainEUlvE_E10_M_managerERSt9_Any_dataRKS3_St18_Manager_"
           "operation",
           "_ZNSt6threadC2IZ4mainEUlvE_JEvEEOT_DpOT0_",
           "_ZNSt6thread15_M_start_threadESt10unique_"
           "ptrINS_6_StateESt14default_deleteIS1_EEPFvvE",
           "_ZNSt7__cxx119to_stringEi",
           "_ZStplIcSt11char_traitsIcESaIcEENSt7__cxx1112basic_stringIT_"
           "T0_T1_EERKS8_S6_",
           "_ZNSt7__cxx1115basic_stringbufIcSt11char_traitsIcESaIcEE8overflowEi",
           "_ZNSt13basic_filebufIcSt11char_traitsIcEE27_M_allocate_internal_bufferEv",
           "_ZNSolsEd",
           "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc",
           "_ZNSt10filesystem7__cxx114pathC1ERKS1_",
           "_ZSt20__throw_length_errorPKc",
           "_ZNSt11logic_errorC1EPKc",
           "__cxa_allocate_exception",
           "_ZSt20get_temporary_bufferIiESt4pairIPT_lEl",
           "_ZNSt20__uninitialized_copyILb0EE13__uninit_copyIPKSsPSsEET0_T_S6_S5_",
           "_ZSt12construct_atISsJRKSsEEPT_S4_DpOT0_",
           "_ZZNKSt8__detail15_BracketMatcherINSt7__cxx1112regex_traitsIcEELb0ELb0EE8_M_applyEcSt17"
           "integral_constantIbLb0EEENKUlvE_clEv"}),
      Names{});
}

// A lambda may have been inlined into any of these.
TEST(WrapperNames, NotWhatRunsTheCodeOfOthers) {
  EXPECT_EQ(
      wrong(
          false,
          {"_ZNSt6thread11_State_implINS_8_InvokerISt5tupleIJZ4mainEUlvE_EEEEE6_M_runEv",
           "_ZNSt17_Function_handlerIFvvEZ4mainEUlvE_E9_M_invokeERKSt9_Any_data",
           "_ZNKSt8functionIFvvEEclEv",
           "_ZSt13__invoke_implIvZ4mainEUlvE_JEET_St14__invoke_otherOT0_"
           "DpOT1_",
           "_ZSt8__invokeIZ4mainEUlvE_JEENSt15__invoke_resultIT_JDpT0_EE4typeEOS2_DpOS3_",
           "_ZSt10__invoke_rIvRZ4mainEUlvE_JEE",
           "_ZSt8for_eachIPiZ4mainEUliE_ET0_T_S3_S2_",
           "_ZSt4sortIPiZ4mainEUliiE_EvT_S2_T0_",
           "_ZSt16__introsort_loopIPilN9__gnu_cxx5__ops15_Iter_"
           "comp_iterIZ4mainEUliiE_EEEvT_S6_T0_T1_",
           "_ZSt9transformIPiS0_Z4mainEUliE_ET0_T_S3_S2_T1_",
           "_ZSt10accumulateIPiiZ4mainEUliiE_ET0_T_"
           "S3_S2_T1_",
           "_ZSt9call_onceIZ4mainEUlvE_JEEvRSt9once_flagOT_DpOT0_",
           "_ZZSt9call_onceIZ4mainEUlvE_JEEvRSt9once_flagOT_DpOT0_ENKUlvE_clEv",
           "_ZSt5asyncIZ4mainEUlvE_JEESt6futureINSt13invoke_resultINSt5decayIT_E4typeEJDpNS3_IT0_E4"
           "typeEEE4typeEESt6launchOS4_DpOS7_",
           "_ZSt5visitIZ4mainEUlT_E_JRSt7variantIJidEEEEDcOS1_DpOT0_",
           "_ZSt10__do_visitINSt8__detail9__variant21__deduce_visit_resultIvEEZ4mainEUlT_E_"
           "JRSt7variant"
           "IJidEEEEDcOT0_DpOT1_",
           "_ZSt5applyIZ4mainEUliE_St5tupleIJiEEEDcOT_OT0_",
           "_ZNSt13__future_base11_Task_stateIZ4mainEUlvE_SaIiEFvvEE6_M_runEv",
           "_ZNSt13packaged_taskIFvvEEclEv",
           "_ZNSt10unique_ptrI3FooSt14default_deleteIS0_EED1Ev",
           "_ZNSt7__cxx114listIiSaIiEE4sortIZ4mainEUliiE_EEvT_",
           "_ZNSt7__cxx114listIiSaIiEE9remove_ifIZ4mainEUliE_EEmT_",
           "_ZNSt23_Sp_counted_ptr_inplaceI3FooSaIvELN9__gnu_cxx12_Lock_policyE2EE10_M_disposeEv",
           "_ZSt8generateIPiZ4mainEUlvE_EvT_S2_T0_",
           "_ZSt7find_ifIPiZ4mainEUliE_ET_S2_S2_T0_"}),
      Names{});
}

TEST(WrapperNames, OfOtherLibrariesInCxx) {
  EXPECT_EQ(wrong(true, {"_Znwm", "_ZnamRKSt9nothrow_t", "_ZnwmSt11align_val_t",
                         "_ZN4llvm15SmallVectorBaseIjE8grow_podEPvmm",
                         "_ZN4llvm15SmallVectorBaseIjE13mallocForGrowEmmRm",
                         "_ZN4llvm13StringMapImpl11RehashTableEj", "_ZN4llvm15allocate_bufferEmm",
                         "_ZN4llvm20BumpPtrAllocatorImplINS_15MallocAllocatorELm4096ELm4096ELm128EE"
                         "12StartNewSlabEv",
                         "_ZN10QArrayData8allocateEmmm6QFlagsINS_16AllocationOptionEE",
                         "_ZN9QListData11detach_growEPii", "_ZN7QStringC1EPK5QChari",
                         "_ZN5boost9container6vectorIiE8grow_capEv",
                         "_ZN4absl12lts_2022062318container_internal12raw_hash_setIiE6resizeEm",
                         "_ZN5folly8fbvectorIiSaIiEE7reserveEm",
                         "_ZN3fmt2v919basic_memory_bufferIcLm500ESaIcEE4growEm",
                         "_ZN6google8protobuf8internal15ThreadSafeArena21AllocateAlignedFallbackEm",
                         "_ZN6icu_7213UnicodeString8allocateEi",
                         "_ZN8nlohmann10basic_jsonISt3mapE6create"
                         "ISsJEEEPT_DpOT0_"}),
            Names{});
  EXPECT_EQ(
      wrong(false, {"_ZN4llvm13IRBuilderBase12CreateMallocEPNS_4TypeE", "_ZN4llvm6Module3getEv",
                    "_ZN4llvm9hash_sortIiEEvT_", "_ZN7QObjectC1EPS_", "_ZN5boost6threadC1Ev",
                    "_ZN6google8protobuf7Message5ParseEv", "_ZN6icu_728Calendar5cloneEv",
                    "_ZN4absl12lts_202206235Mutex4LockEv", "_ZNSt", "_ZN4llvm", "_ZSt"}),
      Names{});
}

TEST(WrapperNames, OfClassesOfTheProgram) {
  EXPECT_EQ(
      wrong(true,
            {"_Z7xmallocm", "_ZL7xmallocm", "_ZN4util7xmallocEm", "_ZN4util3mem9my_mallocEm",
             "_ZN12_GLOBAL__N_110safe_allocEm", "_ZNK4Pool6mallocEm", "_ZN3FoonwEm", "_ZN3FoonaEm",
             "_ZN3FoonwEmRN4util5ArenaE", "_ZN3FooIiEnwEm", "_ZN11MyAllocatorIiE8allocateEm",
             "_ZN4util9AllocatorIcE8allocateEmPKv", "_Z8g_mallocm"}),
      Names{});
  EXPECT_EQ(wrong(false, {"_Z6parsePKc", "_ZN4util4loadEPKc", "_ZN5Image8allocateEii",
                          "_ZN8Textures8allocateEm", "_ZN3FooC1Em", "_ZN4util11malloc_infoEv",
                          "_ZN6g_list4findEi", "_ZN4File8realpathEv", "_ZN3Foo9sdsnewlenEm",
                          "_Z999999x", "_Z0", "_ZN3FoE", "_Z3xmallocm"}),
            Names{});
}

TEST(WrapperNames, OfRust) {
  EXPECT_EQ(
      wrong(true,
            {"__rust_alloc", "__rdl_realloc", "__rust_alloc_zeroed",
             "_ZN5alloc7raw_vec19RawVec$LT$T$C$A$GT$8grow_one17h0b2550fb09892e0dE",
             "_ZN5alloc5alloc15exchange_malloc17h0b2550fb09892e0dE.llvm.1234",
             "_ZN61_$LT$std..alloc..System$u20$as$u20$core..alloc..global..GlobalAlloc$GT$5"
             "alloc17h0b2550fb09892e0dE",
             "_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc",
             "_RNvMs4_NtCs2v1DLvbjyAC_5alloc7raw_vecNtB5_11RawVecInner11finish_growCs8Rz_5gimli",
             "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h07e609d004b382aaE"}),
      Names{});
  EXPECT_EQ(wrong(false, {"_ZN3std6thread5spawn17h0b2550fb09892e0dE", "_RNvCs1234_7program4main",
                          "_RNvNtCs1234_7program5alloc4make", "_RCs",
                          "_ZN4core3ops8function6FnOnce9call_once17h0b2550fb09892e0dE"}),
            Names{});
}

TEST(OpaqueModules, ByTheirNames) {
  for (const char* module :
       {"libsqlite3.so.0", "libsqlite3.so.0.8.6", "libpython3.11.so.1.0", "python3.11", "python3",
        "libglib-2.0.so.0", "libcrypto.so.3", "libc.so.6"}) {
    EXPECT_TRUE(is_opaque_module(module)) << module;
  }
  for (const char* module : {"program", "libsqlite3x.so", "libmysql.so", "pythonic", "libcurl.so.4",
                             "libcap.so.2", "", "ld-linux-x86-64.so.2"}) {
    EXPECT_FALSE(is_opaque_module(module)) << module;
  }
}

class UserGlobs : public testing::Test {
 protected:
  void TearDown() override { forget_wrapper_globs_for_test(); }
};

TEST_F(UserGlobs, OfFunctions) {
  EXPECT_FALSE(is_wrapper_name("pixels_alloc", "program"));
  EXPECT_TRUE(add_wrapper_glob("pixels_*", ""));
  EXPECT_TRUE(add_wrapper_glob("cache_new", "libimage.so*"));
  EXPECT_TRUE(is_wrapper_name("pixels_alloc", "program"));
  EXPECT_TRUE(is_wrapper_name("pixels_alloc.part.0", "libimage.so.2"));
  EXPECT_TRUE(is_wrapper_name("cache_new", "libimage.so.2"));
  EXPECT_FALSE(is_wrapper_name("cache_new", "program"));
  EXPECT_FALSE(is_wrapper_name("cache_new2", "libimage.so.2"));
  EXPECT_TRUE(is_wrapper_name("xmalloc", "program"));
}

TEST_F(UserGlobs, OfRawSymbols) {
  EXPECT_TRUE(add_wrapper_glob("_ZN5Image*C[12]E*", "*"));
  EXPECT_TRUE(is_wrapper_name("_ZN5ImageC1Eii", "program"));
  EXPECT_FALSE(is_wrapper_name("_ZN5Image4loadEv", "program"));
  EXPECT_TRUE(add_wrapper_glob("_ZN7program*", ""));
  EXPECT_TRUE(is_wrapper_name("_ZN7program6images17h0b2550fb09892e0dE.llvm.77", "program"));
}

TEST_F(UserGlobs, OfDemangledNames) {
  EXPECT_TRUE(add_wrapper_glob("Image::make*", "libimage.so*"));
  EXPECT_TRUE(add_wrapper_glob("Image::read(unsigned long)", ""));
  EXPECT_TRUE(is_wrapper_name("_ZN5Image10make_tilesEii", "libimage.so.2"));
  EXPECT_TRUE(is_wrapper_name("_ZN5Image4makeIiEEvT_.part.0", "libimage.so.2"));
  EXPECT_FALSE(is_wrapper_name("_ZN5Image10make_tilesEii", "program"));
  EXPECT_TRUE(is_wrapper_name("_ZN5Image4readEm", "program"));
  EXPECT_FALSE(is_wrapper_name("_ZN5Image4readEi", "program"));
}

TEST_F(UserGlobs, TextsAreCopied) {
  std::string function = "pixels_alloc";
  std::string module = "program";
  EXPECT_TRUE(add_wrapper_glob(function, module));
  function = "somebodyelse";
  module = "another";
  EXPECT_TRUE(is_wrapper_name("pixels_alloc", "program"));
}

TEST_F(UserGlobs, NamesOfOwners) {
  EXPECT_TRUE(add_wrapper_glob("program!load+0x1f", ""));
  EXPECT_TRUE(add_wrapper_glob("libimage.so*!save+0x1f", "0x2b7c1"));
  EXPECT_TRUE(add_wrapper_glob("libimage.so.2!show", ""));
  EXPECT_TRUE(is_wrapper_name("load", "program"));
  EXPECT_FALSE(is_wrapper_name("load", "other"));
  EXPECT_TRUE(is_wrapper_name("save", "libimage.so.2"));
  EXPECT_TRUE(is_wrapper_name("show", "libimage.so.2"));
  EXPECT_FALSE(is_wrapper_offset("program", 0, 0x1000));
}

TEST_F(UserGlobs, ExcludingClassesAreNoModules) {
  EXPECT_TRUE(add_wrapper_glob("load[!0-9]", ""));
  EXPECT_TRUE(is_wrapper_name("loads", "program"));
  EXPECT_FALSE(is_wrapper_name("load1", "program"));
}

TEST_F(UserGlobs, Offsets) {
  EXPECT_FALSE(is_wrapper_offset("program", 0x1000, 0x2000));
  EXPECT_TRUE(add_wrapper_glob("program+0x1f80", ""));
  EXPECT_TRUE(add_wrapper_glob("libstripped*+0xABC", ""));
  EXPECT_TRUE(is_wrapper_offset("program", 0x1f00, 0x2000));
  EXPECT_TRUE(is_wrapper_offset("program", 0x1f80, 0x1f81));
  EXPECT_FALSE(is_wrapper_offset("program", 0x1f00, 0x1f80));
  EXPECT_FALSE(is_wrapper_offset("program", 0x1f81, 0x2000));
  EXPECT_FALSE(is_wrapper_offset("program2", 0x1f00, 0x2000));
  EXPECT_TRUE(is_wrapper_offset("libstripped.so.1", 0xa00, 0xb00));
  EXPECT_FALSE(is_wrapper_name("program", "program"));
}

TEST_F(UserGlobs, OffsetsThatAreNone) {
  EXPECT_TRUE(add_wrapper_glob("load+0x", ""));
  EXPECT_TRUE(add_wrapper_glob("load+0xyz", ""));
  EXPECT_TRUE(is_wrapper_name("load+0xyz", "program"));
  EXPECT_FALSE(add_wrapper_glob("+0x1f", ""));
  EXPECT_FALSE(add_wrapper_glob("", ""));
  EXPECT_FALSE(add_wrapper_glob("", "libimage.so"));
  EXPECT_FALSE(add_wrapper_glob("program!", ""));
  EXPECT_TRUE(add_wrapper_glob("+0x1f", "libimage.so"));
  EXPECT_TRUE(is_wrapper_offset("libimage.so", 0, 0x20));
}

TEST_F(UserGlobs, AreBounded) {
  for (size_t i = 0; i < kMaxWrapperGlobs; ++i) {
    EXPECT_TRUE(add_wrapper_glob("f" + std::to_string(i), ""));
  }
  EXPECT_FALSE(add_wrapper_glob("g", ""));
  EXPECT_TRUE(is_wrapper_name("f63", "program"));
  EXPECT_FALSE(is_wrapper_name("g", "program"));
  forget_wrapper_globs_for_test();
  EXPECT_FALSE(add_wrapper_glob(std::string(5000, 'x'), ""));
  EXPECT_TRUE(add_wrapper_glob("g", ""));
}

}  // namespace
}  // namespace heaptag::tag
