# What people and servers do with a repository: look at its history, find who wrote a file, pack all
# of it anew (git gc, without changing anything). Usage: history.sh REPOSITORY COMMITS
set -e
repository=$1
commits=$2
cd "$repository"
git log --stat -n "$commits" | cksum
git log -p -n "$commits" --format=%s | cksum
for file in $(git ls-tree --name-only HEAD | head -n $((commits / 40 + 1))); do
  git blame --line-porcelain HEAD -- "$file" | cksum
done
git rev-list --objects -n "$commits" HEAD |
  git pack-objects --stdout --threads=1 --window=10 --no-reuse-delta --no-reuse-object -q | cksum
