# shellcheck shell=dash
# needs: print_tree
# Print the files of the generation in the folder $1, keys included, and the content of its folder and of its build's.
set -eu
echo "==> build"
build=$(readlink "$1/build")
echo "${build##*/}"
echo "==> unit"
sha256sum <"$1/chronyd.service"
for name in chrony.conf chrony.keys chronyd.service; do
    echo "==> $name"
    cat "$1/$name"
done
echo "==> chronyd.socket"
[ ! -e "$1/chronyd.socket" ] || cat "$1/chronyd.socket"
# The certificates of NTS, which most generations do not have.
for name in nts.crt nts.key ntskeys trusted.pem; do
    [ -e "$1/$name" ] || continue
    echo "==> $name"
    cat "$1/$name"
done
echo "==> generation tree"
stat -c '%F|%04a|%U:%G|%n' "${1%/*}"
tree "$1" || exit 1
root=${1%/*/*}
echo "==> build tree"
stat -c '%F|%04a|%U:%G|%n' "$root/builds"
tree "$root/builds/${build##*/}" || exit 1
echo "==> sums"
cat "$root/builds/${build##*/}/sha256sums"
