#include "core/config/tag_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heaptag::config {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

/// What a text is read as: each rule as NAME|MATCHER|..., each mistake as LINE:COLUMN what.
struct Reading {
  std::vector<std::string> rules;
  std::vector<std::string> texts;
  std::vector<std::string> mistakes;
};

std::string describe(const Matcher& matcher) {
  const std::string glob(matcher.glob);
  switch (matcher.kind) {
    case MatcherKind::kAny:
      return "any";
    case MatcherKind::kLib:
      return "lib " + glob;
    case MatcherKind::kFunction:
      return "func " + glob;
    case MatcherKind::kThread:
      return "thread " + glob;
    case MatcherKind::kSource:
      return "src " + glob;
    case MatcherKind::kByModule:
      return "by module";
    case MatcherKind::kSize:
      break;
  }
  const std::string max = std::to_string(matcher.max_bytes);
  return "size " + std::to_string(matcher.min_bytes) + ".." +
         (matcher.max_bytes == UINT64_MAX ? "" : max);
}

Reading read(std::string_view text, RuleUse use = RuleUse::kInTarget) {
  Reading reading;
  const RuleVisitor visitor{[](void* context, const TagRule& rule) {
                              std::string line(rule.name);
                              for (unsigned i = 0; i < rule.matcher_count; ++i) {
                                line += "|" + describe(rule.matchers[i]);
                              }
                              static_cast<Reading*>(context)->rules.push_back(line);
                              static_cast<Reading*>(context)->texts.emplace_back(rule.text);
                            },
                            [](void* context, const RuleMistake& mistake) {
                              static_cast<Reading*>(context)->mistakes.push_back(
                                  std::to_string(mistake.line) + ":" +
                                  std::to_string(mistake.column) + " " + mistake.what);
                            },
                            &reading};
  read_tag_rules(text, use, visitor);
  return reading;
}

std::vector<std::string> rules_of(std::string_view text, RuleUse use = RuleUse::kInTarget) {
  const Reading reading = read(text, use);
  EXPECT_THAT(reading.mistakes, IsEmpty()) << text;
  return reading.rules;
}

/// The one mistake of a text without a rule.
std::string mistake_in(std::string_view text, RuleUse use = RuleUse::kInTarget) {
  const Reading reading = read(text, use);
  EXPECT_THAT(reading.rules, IsEmpty()) << text;
  EXPECT_EQ(reading.mistakes.size(), 1U) << text;
  return reading.mistakes.empty() ? "" : reading.mistakes[0];
}

TEST(TagRules, EveryMatcher) {
  EXPECT_THAT(rules_of("a=lib:libssl*"), ElementsAre("a|lib libssl*"));
  EXPECT_THAT(rules_of("a=func:ssl_*"), ElementsAre("a|func ssl_*"));
  EXPECT_THAT(rules_of("a=thread:worker?"), ElementsAre("a|thread worker?"));
  EXPECT_THAT(rules_of("a=size:4K-2M"), ElementsAre("a|size 4096..2097152"));
  EXPECT_THAT(rules_of("a=*"), ElementsAre("a|any"));
  EXPECT_THAT(rules_of("*=by:module"), ElementsAre("*|by module"));
  EXPECT_THAT(rules_of("a=src:net/*.c", RuleUse::kAfterwards), ElementsAre("a|src net/*.c"));
}

TEST(TagRules, AllMatchersOfARuleInTheirOrder) {
  EXPECT_THAT(rules_of("net=lib:libssl*,func:ssl_[ab]*,size:-64,thread:io,*"),
              ElementsAre("net|lib libssl*|func ssl_[ab]*|size 0..64|thread io|any"));
  EXPECT_THAT(rules_of("*=lib:/opt/*,by:module"), ElementsAre("*|lib /opt/*|by module"));
  EXPECT_THAT(rules_of("a=*,*,*,*,*,*,*,*"), ElementsAre("a|any|any|any|any|any|any|any|any"));
}

TEST(TagRules, Separators) {
  EXPECT_THAT(rules_of("a=lib:x;b=lib:y\nc=lib:z"), ElementsAre("a|lib x", "b|lib y", "c|lib z"));
  EXPECT_THAT(rules_of(";;\n;a=lib:x;\n\n;"), ElementsAre("a|lib x"));
  EXPECT_THAT(rules_of("a=lib:x\r\nb=lib:y\r\n"), ElementsAre("a|lib x", "b|lib y"));
  EXPECT_THAT(rules_of("a=lib:x;a=lib:y"), ElementsAre("a|lib x", "a|lib y"));
}

TEST(TagRules, NothingIsNoRule) {
  EXPECT_THAT(rules_of({}), IsEmpty());
  EXPECT_THAT(rules_of(""), IsEmpty());
  EXPECT_THAT(rules_of(" \t\r\n ; \n"), IsEmpty());
  EXPECT_THAT(rules_of("#"), IsEmpty());
  EXPECT_THAT(rules_of("# a=lib:x; b=fnc:y"), IsEmpty());
}

TEST(TagRules, BlanksAreNothing) {
  EXPECT_THAT(rules_of("\t my tag = lib : x y , size: 1 - 2 ;b =lib:\"z\" "),
              ElementsAre("my tag|lib x y|size 1..2", "b|lib z"));
  EXPECT_THAT(rules_of("a=lib:\" x \""), ElementsAre("a|lib  x "));
}

TEST(TagRules, Comments) {
  EXPECT_THAT(rules_of("# first\na=lib:x # why; b=lib:y\n  #c=lib:z\nd=lib:w;#e=lib:v"),
              ElementsAre("a|lib x", "d|lib w"));
  EXPECT_THAT(rules_of("a=lib:'x #1' # 'quoted\nb=func:\"f{lambda()#1}*\""),
              ElementsAre("a|lib x #1", "b|func f{lambda()#1}*"));
}

TEST(TagRules, QuotesHoldWhatSeparates) {
  EXPECT_THAT(rules_of("'a;b=c,d#e'=func:\"operator=(int, char)\";f=lib:';'"),
              ElementsAre("a;b=c,d#e|func operator=(int, char)", "f|lib ;"));
  EXPECT_THAT(rules_of("\"it's\"=func:'operator\"\" s'"), ElementsAre("it's|func operator\"\" s"));
}

TEST(TagRules, NamesThatLookLikeMore) {
  EXPECT_THAT(rules_of("net*=lib:x;lib:x=lib:x;'**'=*;net/tls 1.3=*;@file=*"),
              ElementsAre("net*|lib x", "lib:x|lib x", "**|any", "net/tls 1.3|any", "@file|any"));
  EXPECT_THAT(rules_of("'*'=by:module"), ElementsAre("*|by module")) << "quotes change no meaning";
  EXPECT_THAT(rules_of("b\xC3\xA9=*;\xFF=*"), ElementsAre("b\xC3\xA9|any", "\xFF|any"));
}

TEST(TagRules, Sizes) {
  EXPECT_THAT(rules_of("a=size:64"), ElementsAre("a|size 64..64"));
  EXPECT_THAT(rules_of("a=size:0"), ElementsAre("a|size 0..0"));
  EXPECT_THAT(rules_of("a=size:64-64"), ElementsAre("a|size 64..64"));
  EXPECT_THAT(rules_of("a=size:64-"), ElementsAre("a|size 64.."));
  EXPECT_THAT(rules_of("a=size:-64"), ElementsAre("a|size 0..64"));
  EXPECT_THAT(
      rules_of("a=size:1K-1M;b=size:1k-1m;c=size:1G-3g"),
      ElementsAre("a|size 1024..1048576", "b|size 1024..1048576", "c|size 1073741824..3221225472"));
  EXPECT_THAT(rules_of("a=size:0018446744073709551614"),
              ElementsAre("a|size 18446744073709551614..18446744073709551614"));
  EXPECT_THAT(rules_of("a=size:-17179869183G"), ElementsAre("a|size 0..18446744072635809792"));
}

TEST(TagRules, TheTextOfARuleIsWhatWasWritten) {
  const Reading reading = read(" a = lib:\"x;y\" , size:4K  # why\n b=* ;");
  EXPECT_THAT(reading.texts, ElementsAre("a = lib:\"x;y\" , size:4K", "b=*"));
}

TEST(TagRules, AByteOrderMarkIsNothing) {
  EXPECT_THAT(rules_of("\xEF\xBB\xBF"
                       "a=*\nb=*"),
              ElementsAre("a|any", "b|any"));
  EXPECT_EQ(mistake_in("\xEF\xBB\xBF"
                       "a"),
            "1:4 a rule is name=matcher[,matcher...]; there is no '='");
}

TEST(TagRules, NoRuleAtAll) {
  EXPECT_EQ(mistake_in(" net"), "1:2 a rule is name=matcher[,matcher...]; there is no '='");
  EXPECT_EQ(mistake_in("'a=b'"), "1:1 a rule is name=matcher[,matcher...]; there is no '='");
  EXPECT_EQ(mistake_in("@rules"), "1:1 a rule is name=matcher[,matcher...]; there is no '='");
}

TEST(TagRules, Names) {
  EXPECT_EQ(mistake_in(" =lib:x"), "1:2 no name before '='");
  EXPECT_EQ(mistake_in("''=lib:x"), "1:1 no name before '='");
  EXPECT_EQ(mistake_in("a,b=lib:x"), "1:2 ',' needs quotes around the text");
  EXPECT_EQ(mistake_in("a#b=lib:x"),
            "1:2 '#' needs quotes around the text, or a blank before a comment");
  EXPECT_EQ(mistake_in("\n\n  *=lib:x"), "3:3 the name * needs by:module");
  EXPECT_EQ(mistake_in("'*'=lib:x"), "1:1 the name * needs by:module");
  EXPECT_EQ(mistake_in("a=lib:x,by:module"), "1:9 by:module needs the name *");
}

TEST(TagRules, MissingMatchers) {
  EXPECT_EQ(mistake_in("a="), "1:2 no matcher behind '='");
  EXPECT_EQ(mistake_in("a= ;"), "1:2 no matcher behind '='");
  EXPECT_EQ(mistake_in("a=lib:x, "), "1:8 no matcher behind ','");
  EXPECT_EQ(mistake_in("a=,lib:x"), "1:3 no matcher before ','");
  EXPECT_EQ(mistake_in("a=lib:x,,lib:y"), "1:9 no matcher before ','");
}

TEST(TagRules, UnknownMatchers) {
  EXPECT_EQ(mistake_in("a=fnc:x"), "1:3 'fnc:' is no matcher; did you mean func:?");
  EXPECT_EQ(mistake_in("a=libs:x"), "1:3 'libs:' is no matcher; did you mean lib:?");
  EXPECT_EQ(mistake_in("a=Size:1"), "1:3 'Size:' is no matcher; did you mean size:?");
  EXPECT_EQ(mistake_in("a=lib:x, thraed:1"), "1:10 'thraed:' is no matcher; did you mean thread:?");
  EXPECT_EQ(mistake_in("a=scr:x", RuleUse::kAfterwards),
            "1:3 'scr:' is no matcher; did you mean src:?");
  EXPECT_EQ(mistake_in("a=y:module"), "1:3 'y:' is no matcher; did you mean by:module?");
  EXPECT_EQ(mistake_in("a=thread"), "1:3 'thread' is no matcher; did you mean thread:?");
  EXPECT_EQ(mistake_in("a=libssl*"),
            "1:3 'libssl*' is no matcher; use lib:, func:, thread:, size:, by:module, *");
  EXPECT_EQ(mistake_in("a=std::vector*", RuleUse::kAfterwards),
            "1:3 'std:' is no matcher; use lib:, func:, src:, by:module, *");
  EXPECT_EQ(mistake_in("a=:x"),
            "1:3 ':' is no matcher; use lib:, func:, thread:, size:, by:module, *");
  EXPECT_EQ(mistake_in("a=*x"),
            "1:3 '*x' is no matcher; use lib:, func:, thread:, size:, by:module, *");
  EXPECT_EQ(mistake_in("a=by:lib"), "1:3 by:module is the only by:");
  EXPECT_EQ(mistake_in("*=by:"), "1:3 by:module is the only by:");
  EXPECT_EQ(mistake_in("a=stack:main"), "1:3 stack: needs whole stacks, which are not kept yet");
}

TEST(TagRules, SeparatorsWithoutQuotes) {
  EXPECT_EQ(mistake_in("a=func:f(int, char)"),
            "1:15 'char)' is no matcher; a glob with ',' needs quotes");
  EXPECT_EQ(mistake_in("a=lib:x,b=lib:y"),
            "1:9 'b=lib:y' is no matcher; a ';' comes before the next rule");
  EXPECT_EQ(mistake_in("a=func:operator=="), "1:16 '=' needs quotes around the text");
  EXPECT_EQ(mistake_in("a=func:f{lambda()#1}"),
            "1:18 '#' needs quotes around the text, or a blank before a comment");
}

TEST(TagRules, MatchersThatOnlyWorkElsewhere) {
  EXPECT_EQ(mistake_in("a=lib:x,src:x"),
            "1:9 src: works in heaptag report --tags, not in the running program");
  EXPECT_EQ(mistake_in("a=thread:x", RuleUse::kAfterwards),
            "1:3 thread: is not known afterwards: set HEAPTAG_TAGS while the program runs");
  EXPECT_EQ(mistake_in("a=size:1", RuleUse::kAfterwards),
            "1:3 size: is not known afterwards: set HEAPTAG_TAGS while the program runs");
}

TEST(TagRules, Globs) {
  EXPECT_EQ(mistake_in("a=lib:"), "1:3 'lib:' needs a glob");
  EXPECT_EQ(mistake_in("a=func: ,lib:x"), "1:3 'func:' needs a glob");
  EXPECT_EQ(mistake_in("a=thread:''"), "1:3 'thread:' needs a glob");
}

TEST(TagRules, MistakenSizes) {
  const std::string advice = " is no size; use 4096, 4K, 2M, 1G";
  EXPECT_EQ(mistake_in("a=size:4Q"), "1:8 '4Q'" + advice);
  EXPECT_EQ(mistake_in("a=size:1- 4Q"), "1:11 '4Q'" + advice);
  EXPECT_EQ(mistake_in("a=size:K"), "1:8 'K'" + advice);
  EXPECT_EQ(mistake_in("a=size:-"), "1:8 '-'" + advice);
  EXPECT_EQ(mistake_in("a=size:1-2-3"), "1:10 '2-3'" + advice);
  EXPECT_EQ(mistake_in("a=size:4KB"), "1:8 '4KB'" + advice);
  EXPECT_EQ(mistake_in("a=size:'4K'"), "1:8 ''4K''" + advice);
  EXPECT_EQ(mistake_in("a=size:0x40"), "1:8 '0x40'" + advice);
  EXPECT_EQ(mistake_in("a=size:9-3"), "1:8 9-3: the smaller size comes first");
  EXPECT_EQ(mistake_in("a=size:1K-1000"), "1:8 1K-1000: the smaller size comes first");
  EXPECT_EQ(mistake_in("a=size:"), "1:3 'size:' needs a size; use 64, 4K-2M, 1G- or -4096");
  for (const char* size :
       {"18446744073709551616", "17179869184G", "99999999999999999999999", "18014398509481984K"}) {
    EXPECT_EQ(mistake_in(std::string("a=size:") + size),
              std::string("1:8 '") + size + "' is larger than any block; use 4096, 4K, 2M, 1G");
  }
}

TEST(TagRules, MistakenQuotes) {
  const std::string open = " the quote that opens here is not closed";
  EXPECT_EQ(mistake_in("a=lib:'x;b=lib:y # no comment"), "1:7" + open);
  EXPECT_EQ(mistake_in("'a=lib:x"), "1:1" + open);
  EXPECT_EQ(mistake_in("a=\"lib:x"), "1:3" + open);
  EXPECT_EQ(mistake_in("a='lib:x'"),
            "1:3 ''lib:x'' is no matcher; quotes come behind ':', as in func:\"a\"");
  EXPECT_EQ(mistake_in("a=lib:'x'y"), "1:10 'y' stands behind the closing quote; quote all of it");
  EXPECT_EQ(mistake_in("'a' b=lib:x"), "1:5 'b' stands behind the closing quote; quote all of it");
  EXPECT_EQ(mistake_in("a=thread:Bob's"),
            "1:13 a quote inside of a text; quote all of it with the other kind");
}

TEST(TagRules, TooManyMatchers) {
  EXPECT_EQ(mistake_in("a=*,*,*,*,*,*,*,*, lib:x"),
            "1:20 'lib:x' is one too many: a rule has 8 matchers at most");
}

TEST(TagRules, WhatFollowsAMistakeIsRead) {
  const Reading reading = read("a=fnc:x;b=lib:y;c=size:4Q\nd=lib:'z;e=lib:w\nf=thread:Bob's;g=*");
  EXPECT_THAT(reading.rules, ElementsAre("b|lib y", "g|any"));
  EXPECT_THAT(reading.mistakes,
              ElementsAre("1:3 'fnc:' is no matcher; did you mean func:?",
                          "1:24 '4Q' is no size; use 4096, 4K, 2M, 1G",
                          "2:7 the quote that opens here is not closed",
                          "3:13 a quote inside of a text; quote all of it with the other kind"));
}

TEST(TagRules, ARuleHasOneMistake) {
  EXPECT_EQ(mistake_in("a#=fnc:x,lib:,size:4Q").substr(0, 4), "1:2 ");
  EXPECT_EQ(mistake_in("a=fnc:x,lib:,size:4Q").substr(0, 4), "1:3 ");
}

TEST(TagRules, TokensAreCutAndPrintable) {
  EXPECT_EQ(mistake_in("a=" + std::string(300, 'x')),
            "1:3 '" + std::string(45, 'x') +
                "...' is no matcher; use lib:, func:, thread:, size:, by:module, *");
  EXPECT_EQ(mistake_in("a=" + std::string(48, 'x')),
            "1:3 '" + std::string(48, 'x') +
                "' is no matcher; use lib:, func:, thread:, size:, by:module, *");
  EXPECT_THAT(mistake_in("a=x\x1B[2J\x7F\xFFy"), HasSubstr("'x?[2J?\xEF\xBF\xBDy'"));
  std::string accents;
  for (int i = 0; i < 100; ++i) {
    accents += "\xC3\xA9";
  }
  EXPECT_THAT(mistake_in("a=" + accents), HasSubstr("'" + accents.substr(0, 44) + "...'"));
  EXPECT_THAT(mistake_in("a=" + std::string(100, '\xFF')), EndsWith("by:module, *"));
}

TEST(TagRules, NulsAndOldLineEndsAreCharacters) {
  EXPECT_THAT(rules_of({"a\0b=*", 5}), ElementsAre(std::string("a\0b|any", 7)));
  EXPECT_THAT(rules_of("a=lib:x\ry"), ElementsAre("a|lib x\ry"));
}

TEST(TagRules, LongTextsAreReadInOneGo) {
  std::string text;
  for (int i = 0; i < 100000; ++i) {
    text += i % 2 == 0 ? "a=lib:'x';" : "'b=\n";
  }
  const Reading reading = read(text);
  EXPECT_EQ(reading.rules.size(), 50000U);
  EXPECT_EQ(reading.mistakes.size(), 50000U);
  EXPECT_THAT(read(std::string(1000000, '\'')).mistakes, testing::SizeIs(1));
  EXPECT_THAT(read(std::string(1000000, ',')).mistakes, testing::SizeIs(1));
  EXPECT_THAT(read("a=" + std::string(1000000, '=')).mistakes, testing::SizeIs(1));
}

}  // namespace
}  // namespace heaptag::config
