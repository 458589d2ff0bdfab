#!/bin/bash
# m4, bison and flex with gcc, bc: recursion, a parser generated, compiled and run, 2000 digits
# packages: m4 bison flex bc gcc libc6-dev
# programs: m4 bison flex bc cc1 calc
. "$REAL/common.sh"
cd tmp
m4 <<'M'
define(`fib', `ifelse(eval($1 < 2), 1, $1, `eval(fib(decr($1)) + fib(decr(decr($1))))')')define(`loop', `ifelse($1, 0, , `$1 `loop'(decr($1))')')fib(14) len(loop(200)) translit(abc, a-z, A-Z) esyscmd(echo shell)divert(1)later
divert(0)patsubst(`one two', `\w+', `<\&>') format(`%05.1f', 3.14)
M
cat > calc.l <<'L'
%option noyywrap nounput noinput
%{
#include "calc.tab.h"
%}
%%
[0-9]+ { yylval = atoi(yytext); return NUM; }
[-+*/()\n] return *yytext;
[ ] ;
%%
L
cat > calc.y <<'Y'
%{
#include <stdio.h>
int yylex(void); static void yyerror(const char* s) { printf("error: %s\n", s); }
%}
%token NUM
%left '+' '-'
%left '*' '/'
%%
lines: | lines e '\n' { printf("%d\n", $2); } | lines error '\n' { yyerrok; };
e: NUM | e '+' e { $$ = $1 + $3; } | e '-' e { $$ = $1 - $3; } | e '*' e { $$ = $1 * $3; } | '(' e ')' { $$ = $2; };
%%
int main(void) { return yyparse(); }
Y
bison -d --report=all calc.y; flex -o lex.c calc.l; gcc -O1 -o calc calc.tab.c lex.c; cp calc.tab.c lex.c calc.output ../out
{ for i in {1..300}; do echo "($i + 2) * ($i - 1)"; done; echo '1 + + 2'; printf '(%.0s' {1..3000}; printf 1; printf ')%.0s' {1..3000}; echo; } | ./calc | tail -n 4
printf 'define f(n) {\nif (n < 2) return (1);\nreturn (n * f(n - 1));\n}\nscale=0; f(400) %% 1000007\nscale=700; 4*a(1); sqrt(2)\n' | bc -l | sha256sum
m4 absent.m4 || echo "status $?"
