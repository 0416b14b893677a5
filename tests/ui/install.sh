#!/bin/sh
# Installs what these tests need from npm, as package-lock.json has it, unless that is there. The browser is Debian's.
set -eu
cd "$(dirname "$0")"
[ node_modules/.installed -nt package-lock.json ] && exit 0
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.installed
