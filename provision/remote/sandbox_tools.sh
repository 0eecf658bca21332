# shellcheck shell=sh
# sandbox_tools PACKAGE…: install packages of this machine's distribution.
set -eu

install() { DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; }

# A fresh machine has no package lists, or old ones.
install "$@" >/dev/null 2>&1 || { apt-get update -qq && install "$@"; }
