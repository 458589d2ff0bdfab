#!/bin/bash
# git: clone, gc, repack with threads, fsck, log, blame, merge, rebase, bisect, bundle, archive
# packages: git
# programs: git
# status: 128
# slow
. "$REAL/common.sh"
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE=2024-01-01T00:00:00Z GIT_COMMITTER_DATE=2024-01-01T00:00:00Z GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
cd tmp
git init -q -b main origin; cd origin
for n in {1..30}; do
  seq $((n * 10)) $((n * 60)) > "file$((n % 9))"; seq "$n" > shared; mkdir -p "d$((n % 5))"
  seq "$n" 3 900 > "d$((n % 5))/f$n"; git add .; git commit -q -m "commit $n"
done
git tag -a -m tagged v1 HEAD~10; git checkout -q -b side HEAD~12
for n in 1 2 3; do echo "side $n" > "side$n"; git add .; git commit -q -m "side $n"; done
git merge -q -m merged main; git checkout -q -b other main~3; echo o > other; git add .; git commit -q -m other; git rebase -q main
git log --graph --stat --format='%H %s' --all; git diff main~20 main | sha256sum; git blame -s shared; git log -S900 --oneline | wc -l
cd ..; git clone -q --no-local origin copy; cd copy; git gc -q --aggressive --prune=now; git -c pack.threads=2 repack -q -adf --depth=20 --window=30
git fsck --full --strict; git count-objects -v | grep -v size; git bundle create -q ../b.bundle --all; git bundle verify -q ../b.bundle
git archive v1 | tar -t | sort | sha256sum; git bisect start -q HEAD HEAD~15 2>/dev/null; git bisect run sh -c '! grep -q "^25$" shared' | tail -n 4
git worktree add -q ../tree main; git -C ../tree status --short --branch; git for-each-ref; git grep -c 89 | sha256sum
git rev-parse HEAD^{tree} > ../../out/tree; git show nothing
