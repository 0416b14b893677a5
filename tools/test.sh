#!/usr/bin/env bash
# Installs what tests need, builds with gcc (release, -Werror) and clang (ASan, UBSan, fuzzers) and runs every suite.
# Ends with "N passed, N failed" over all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/deps.sh test
tests/peers/install.sh
tests/ui/install.sh

cmake -G Ninja -B build/release -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
cmake -G Ninja -B build/asan -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=address -DTESTS=ON -DFUZZ=ON >/dev/null
cmake -G Ninja -B build/tsan -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DSANITIZE=thread -DTESTS=ON >/dev/null
ninja --quiet -C build/release
ninja --quiet -C build/asan
ninja --quiet -C build/tsan test_store test_history transfer_probe

exec /usr/bin/python3 tools/run_tests.py "$@"
