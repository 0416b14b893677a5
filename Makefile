# Short names for what one does with this checkout. The build proper is CMakeLists.txt.
MAKEFLAGS += --no-builtin-rules --no-print-directory
PREFIX    ?= /usr/local
SOURCES    = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v _table.c$$)

.PHONY: all build demo test bench format lint requirements conformance install clean
all: build

# The programs, in build/release.
build:
	tools/deps.sh build
	cmake -G Ninja -B build/release -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	    -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	ninja -C build/release

# A charging session from end to end on this machine; ONCE=1 runs it through once and judges it.
demo:
	ONCE=$(ONCE) tools/demo.sh

# Everything there is to check, under sanitizers.
test:
	tools/test.sh

bench: build
	tools/bench.sh

format:
	clang-format -i $(SOURCES)

lint:
	tools/lint.sh

# docs/requirements.md anew, and the ids that have neither a test nor a reason.
requirements:
	tools/requirements.py write
	tools/requirements.py list

# The certification cases, and docs/conformance.md from what came out.
conformance:
	tools/test.sh conformance; code=$$?; tools/conformance.py write build/conformance.xml; exit $$code

# Into DESTDIR only files; on the machine itself also the user and, if there is none yet, a configuration to begin with.
install: build
	DESTDIR=$(DESTDIR) cmake --install build/release
	[ -n "$(DESTDIR)" ] || packaging/setup.sh $(PREFIX)

clean:
	rm -rf build
