# Everything a developer does here. `make` alone says what there is.
.PHONY: help run example program test test-long simulate lint format clean swift-here for-run for-test
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Further words for `sparekey serve`, such as ARGS="--port 9000".
ARGS ?=
# How long, and how often, `make test-long` tries: what fits beside every change on a slow machine of two cores. More by
# hand, and as variables of the tests themselves: CODES, DAMAGES, RANDOM_PATHS, TIMING_REQUESTS.
FUZZ_SECONDS ?= 10
PARSER_SECONDS ?= 5
COMPARE_CODES ?= 2000
WALKS ?= 500
HOLD_WALKS ?= 1000
SIMULATIONS ?= 500
KILL_ROUNDS ?= 20
POWER_ROUNDS ?= 6
FAIL_OVER_ROUNDS ?= 1

# Python tests at a time. Each worker has servers of its own.
WORKERS ?= 2

# One kind of build for everything: other flags, or a release build, would compile all packages once more.
sparekey := .build/debug/sparekey
# Asked when a recipe begins: `for-test` may have made the environment just before.
python = $(shell if [ -x .venv/bin/python ]; then echo .venv/bin/python; else echo python3; fi)
node := $(shell command -v node)
formatted := Sources Tests Examples Benchmarks Package.swift Fuzz

help: ## say what there is
	@echo "make TARGET"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

run: swift-here for-run ## install what is missing, build, and serve a demo on http://localhost:8080
	@echo "Building. The first time takes several minutes."
	swift build --product sparekey
	$(sparekey) serve --demo $(ARGS)

example: swift-here for-run ## the demo, and on http://localhost:8090 an app that signs people in through it
	swift build --product sparekey
	swift build --product notes
	scripts/run-example

program: swift-here for-run ## build what is installed, with Swift's libraries in it: .build/program
	swift build -c release --static-swift-stdlib --product sparekey \
	  -Xswiftc -use-ld=lld -Xlinker -s -Xlinker -z -Xlinker pack-relative-relocs
	rm -rf .build/program
	mkdir -p .build/program/resources
	cp .build/release/sparekey .build/program/
	for module in SparekeyServices SparekeyWeb; do cp -r Sources/$$module/Resources .build/program/resources/$$module; done

test: swift-here for-test ## install what is missing, build, and run the tests: WORKERS=2
	swift build --build-tests
	swift test --skip-build --disable-xctest
	$(python) Tests/System/recovery_code_reference.py vectors docs/recovery-code-vectors.json
ifdef node
	node Tests/System/check_vectors.mjs
else
	@echo "There is no node here: the browser's code is checked in the browser only."
endif
	$(python) -m pytest Tests/System -q -n $(WORKERS) --dist loadfile
	$(python) -m pytest Tests/Browser -q -n $(WORKERS) --dist worksteal

test-long: swift-here for-test ## tests that take longer: FUZZ_SECONDS=10, PARSER_SECONDS=5, COMPARE_CODES=2000, WALKS=500, HOLD_WALKS=1000, SIMULATIONS=500, KILL_ROUNDS=20, POWER_ROUNDS=6, FAIL_OVER_ROUNDS=1
	swift build --build-tests
	Fuzz/run RecoveryCode $(FUZZ_SECONDS)
	for parser in Form Import JSONMembers Names OpenID Passkey Source; do Fuzz/run $$parser $(PARSER_SECONDS) || exit 1; done
	WALKS=$(WALKS) swift test --skip-build --disable-xctest --filter 'rows 1 to 3'
	HOLD_WALKS=$(HOLD_WALKS) swift test --skip-build --disable-xctest --filter 'Months of an account'
	SIMULATIONS=$(SIMULATIONS) swift test --skip-build --disable-xctest --filter 'Nodes, faults and people'
	SLOW_CLIENTS=1 $(python) -m pytest Tests/System/test_edge.py -q -k waited
	HANGING_APPS=1 $(python) -m pytest Tests/System/test_openid.py -q -k hangs
	KILL_ROUNDS=$(KILL_ROUNDS) POWER_ROUNDS=$(POWER_ROUNDS) \
	  $(python) -m pytest Tests/System/test_kill.py Tests/System/test_power_loss.py -q
	KILL_ROUNDS=$$(($(KILL_ROUNDS) / 5)) $(python) -m pytest Tests/System/test_kill_holds.py -q
	SERVERS_ON=postgresql $(python) -m pytest Tests/System/test_api.py Tests/System/test_bad_input.py -q -n $(WORKERS) --dist loadfile \
	  -k 'bad_fields or odd_requests'
	JOURNEYS_ON=postgresql swift test --skip-build --disable-xctest --filter JourneyTests --skip 'Any order of steps|Months of an account|Nodes, faults and people'
	FAIL_OVER_ROUNDS=$(FAIL_OVER_ROUNDS) $(python) -m pytest Tests/System/test_postgres_fail_over.py -q -s
	$(python) Tests/System/recovery_code_reference.py compare --count $(COMPARE_CODES) -- $(sparekey) recovery-code read
ifdef node
	$(python) Tests/System/recovery_code_reference.py compare --count $(COMPARE_CODES) -- \
	  node Tests/System/check_vectors.mjs read
endif

simulate: swift-here for-test ## tell one story of nodes, faults and people: SEED=42; or many: SEEDS=100000
	swift build --build-tests
	SIMULATION_SEED=$(or $(SEED),1) SIMULATIONS=$(or $(SEEDS),1) \
	  swift test --skip-build --disable-xctest --filter 'Q4, C9, H11, T16, T27'

lint: swift-here ## check the form of the Swift code
	swift format lint --strict --recursive $(formatted)

format: swift-here ## bring the Swift code into form
	swift format --in-place --recursive $(formatted)

clean: ## remove what was built; the demo's data stays
	rm -rf .build .venv

swift-here:
	@command -v swift >/dev/null || { echo "Swift 6.3 is needed: https://www.swift.org/install/linux/" >&2; exit 1; }

for-run for-test: for-%:
	@scripts/install-packages $*
