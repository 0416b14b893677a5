#!/usr/bin/env bash
# Builds and shows a charging session on four simulated chargers, end to end. ONCE=1: the script once, exit 0 if all was right.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/deps.sh build
cmake -G Ninja -B build/release -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
ninja --quiet -C build/release
exec python3 tools/demo.py build/release ${ONCE:+--once}
