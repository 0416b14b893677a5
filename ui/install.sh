#!/bin/sh
# Installs what the UI is built with, as package-lock.json has it, unless that is there. Builds side by side wait for each other.
set -eu
cd "$(dirname "$0")"
exec 9>.install.lock
flock 9
[ node_modules/.installed -nt package-lock.json ] && exit 0
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch node_modules/.installed
