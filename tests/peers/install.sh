#!/usr/bin/env bash
# Installs the peers that nobody here wrote: npm packages, each in a directory of its own with its lock file.
set -euo pipefail
cd "$(dirname "$0")"

for lock in */package-lock.json; do
    directory=$(dirname "$lock")
    if [ ! "$directory/node_modules/.installed" -nt "$lock" ]; then
        (cd "$directory" && npm ci --omit=dev --no-audit --no-fund --loglevel=error && touch node_modules/.installed)
    fi
done
