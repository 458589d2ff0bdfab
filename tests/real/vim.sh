#!/bin/bash
# vim: scripted editing, searching, sorting, undo, macros, its script language, jobs
# packages: vim-nox
# programs: vim.nox
. "$REAL/common.sh"
seq 1 8000 | sed 's/.*/line & of the text/' > tmp/a.txt
cat > tmp/w.vim <<'V'
set nocompatible noswapfile undolevels=100 nomore
edit tmp/a.txt
%s/line \(\d\+\)/\=printf("%05d", submatch(1) * 7919 % 8009)/
sort
g/9 of/d
g/^000/normal Ahello
let @q = "I>\<Esc>j"
1
normal 500@q
undo
redo
set foldmethod=indent syntax=c
let d = {} | for i in range(8000) | let d["k" . i % 97] = get(d, "k" . i % 97, 0) + i | endfor
let l = sort(map(items(d), 'v:val[0] . "=" . v:val[1]'))
call append(0, l[0:5] + [string(len(filter(range(5000), 'v:val % 7 == 3')))] + systemlist("seq 3 | tac"))
func F(n)
  return a:n < 2 ? a:n : F(a:n - 1) + F(a:n - 2)
endfunc
call append("$", F(13) . matchstr(json_encode(d), '"k5":\d*'))
new
read !seq 200
%join
write out/joined
bdelete
write out/b.txt
vimgrep /hello/j out/b.txt
call writefile([len(getqflist())], "out/found")
qall!
V
vim -Es -u NONE -i NONE -S tmp/w.vim < /dev/null; sha256sum out/*
