#!/bin/sh
# Installs what is missing from Debian: `deps.sh build` for the programs, `deps.sh test` for all tests and checks.
# Asks for sudo only when something is missing and we are not root.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config git ca-certificates
       libuv1-dev libwebsockets-dev libwebsockets-evlib-uv libcurl4-openssl-dev libarchive-dev libssl-dev libjansson-dev libyaml-dev libsqlite3-dev
       zlib1g-dev libsodium-dev libsystemd-dev openssl procps python3 socat"
test="clang clang-tidy clang-format llvm libclang-rt-14-dev libcmocka-dev libengine-pkcs11-openssl libmodbus-dev mbpoll opensc p11-kit-modules softhsm2 sqlite3
      bash fish groff-base mandoc zsh
      swtpm libtss2-tcti-swtpm0 tpm2-openssl tpm2-tools
      chromium fonts-ipaexfont-gothic
      python3-pytest python3-pytest-xdist python3-cryptography python3-websockets python3-pyftpdlib python3-asyncssh python3-jsonschema python3-pymodbus python3-yaml"
command -v node >/dev/null && command -v npm >/dev/null || build="$build nodejs npm" # or not from Debian

case "${1:-}" in
build) wanted=$build ;;
test) wanted="$build $test" ;;
*)
    echo "usage: tools/deps.sh build|test" >&2
    exit 2
    ;;
esac

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "deps.sh: missing, and neither root nor sudo:$missing" >&2; exit 1; }
    sudo=sudo
fi
echo "deps.sh: installing from Debian:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 && exit 0
# Package lists may be old or not there at all.
$sudo apt-get update -q
$sudo apt-get install -y -q --no-install-recommends $missing
