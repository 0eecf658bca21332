# shellcheck shell=sh
# Print the parts of the generation in the folder $1: keys, too. Fails when its build is damaged.
set -eu
echo "==> build"
build=$(readlink "$1/build")
echo "${build##*/}"
(cd "$1/build" && sha256sum -c --quiet sha256sums >&2)
echo "==> unit"
sha256sum <"$1/chronyd.service"
for name in chrony.conf chrony.keys chronyd.service; do
    echo "==> $name"
    cat "$1/$name"
done
