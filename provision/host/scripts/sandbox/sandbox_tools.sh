# shellcheck shell=dash
# sandbox_tools PACKAGE…: install packages of this machine's distribution.
set -eu

install() { DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; }

# The package lists may be old or missing: fetch them if the installation fails.
install "$@" >/dev/null 2>&1 || { apt-get update -qq && install "$@"; }
