# Tocsin. `make help` lists what there is. `make demo` does the main job, `make test` passes the tests.
SHELL := /bin/bash
export CGO_ENABLED ?= 0
# The same flags everywhere, so that build, vet, linter and tests share one build cache.
export GOFLAGS := -trimpath -tags=nomsgpack
# Where goroutines share memory; the race detector needs cgo.
RACE := ./notify/... ./internal/store/... ./internal/outbox/... ./internal/watch/... ./internal/access/... ./internal/aliyun/... ./internal/call/... ./internal/tencent/... ./internal/simulator/...
VENDOR := internal/console/assets/vendor
.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: assets ## bin/tocsin
	go build -ldflags="-s -w" -o bin/tocsin ./cmd/tocsin

.PHONY: demo
demo: build ## the main job with simulated providers; in a terminal it waits for you in the browser
	@if [ -t 0 ] && [ -t 1 ]; then bin/tocsin demo; else bin/tocsin demo --auto; fi

.PHONY: assets
assets: $(VENDOR)/.made ## scripts and styles of the console, from the npm lock file

$(VENDOR)/.made: scripts/assets/package-lock.json scripts/assets.sh
	@scripts/assets.sh $(VENDOR)

.PHONY: tools
tools: ## what the tests need and this machine lacks: PostgreSQL, Chromium, a Chinese font
	@scripts/tools.sh

.PHONY: quick
# Compilers and tests are small and live shortly, so they collect less garbage.
quick: export GOGC := 400
quick: ## the fast tests, under a minute once built; `make check` vets
	go test -short -vet=off ./incident/... ./templates/... ./notify/... ./playbooks/... ./internal/... ./test/layers

.PHONY: test
test: tools build check ## everything CI runs
	go test -timeout 10m $$(go list ./... | grep -v "^tocsin/test/" | grep -vxF "$$(go list $(RACE))")
	go test -count=1 -timeout 10m ./test/... # the cache does not see the binary they run, nor what imports what
	go test ./notify # the race detector has smaller crowds
	CGO_ENABLED=1 go test -race -short -timeout 10m $(RACE)
	scripts/fuzz.sh 300x incident notify/receipt

.PHONY: check
check: ## formatting and linters, go vet among them
	@test -z "$$(gofmt -l cmd incident internal notify playbooks templates test)" || { gofmt -l cmd incident internal notify playbooks templates test; echo "gofmt would change these files"; exit 1; }
	scripts/lint.sh

.PHONY: acceptance
acceptance: build ## the real binary against real servers
	go test -count=1 -timeout 15m ./test/...

.PHONY: bench
bench: ## measure the goals; BENCH_SCALE=small takes minutes, BENCH_OUT=file appends a line of JSON for each
	go run ./test/bench $(if $(BENCH_DOC),-markdown docs/performance.md)

.PHONY: soak
soak: tools build ## long runs: a million with every fault, hundreds of kills, minutes of fuzzing; rows in docs/reliability.md
	SOAK=1 SOAK_DOC=$(CURDIR)/docs/reliability.md go test -count=1 -timeout 5h -v -parallel 1 \
		-run 'EveryFault|Kill|AnyRecord|ClockJumps|HangingProvider|BusGone|FullDisk|Locked|StoreGone|Alarm' ./test/acceptance
	scripts/fuzz.sh 20000x # a time instead of a number fails now and then: the input in hand is cut off

.PHONY: clean
clean: ## what make made
	rm -rf bin $(VENDOR)
