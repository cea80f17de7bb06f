# Everything but those of `integration` works offline once the modules are there.

GO      ?= go
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)

# go's ./... leaves directories out that are called testdata.
PACKAGES := ./... ./testdata/gensample

export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: build run test schedules faults soak vet generate check-generate bench compare compare-replay fuzz integration integration-elastic integration-kafka integration-k8s clean help

build: ## build bin/weir
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/weir ./cmd/weir

run: build ## run the whole line over the sample logs, data below ./data
	./bin/weir run --config deploy/sample/weir.yaml --once

test: vet ## every test that needs no network: vet, gofmt, unit, golden, command line, pipeline
	$(GO) test -timeout 20m $(PACKAGES)

SCHEDULES ?= 2000
WITHIN ?= 30m
schedules: ## SCHEDULES (2000) random schedules of faults within WITHIN (30m), always the same; WEIR_SEED=n repeats one
	WEIR_SCHEDULES=$(SCHEDULES) WEIR_WITHIN=$(WITHIN) $(GO) test -count 1 -timeout 0 -run '^TestSchedules$$' -v ./internal/pipeline

faults: ## every fault at every step, a minute without brokers too; a plain test leaves the slow ones out
	WEIR_FAULTS=1 WEIR_OUTAGE=60s $(GO) test -count 1 -timeout 40m -parallel 4 -skip '^TestSchedules$$' ./internal/pipeline

SOAK ?= 10m
soak: ## new random schedules of faults for SOAK (10m); WEIR_SEED=n repeats one
	WEIR_SOAK=$(SOAK) $(GO) test -count 1 -timeout 0 -run '^TestSchedules$$' -v ./internal/pipeline

vet: ## go vet and gofmt
	$(GO) vet $(PACKAGES)
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l cmd deploy detections docs ingest internal normalize schemas sinks test testdata); \
	if [ -n "$$unformatted" ]; then echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

generate: ## make the generated code and the sample logs anew
	$(GO) generate ./...
	$(GO) run ./testdata/gensample

check-generate: generate ## fail if the generated code is not what the generator makes
	git diff --exit-code -- '*_gen.go' schemas docs testdata/sample detections/internal/expr/filled.txt deploy/schema

bench: ## benchmarks of the stages and of the whole line
	$(GO) test -run '^$$' -bench . -benchmem ./...

compare: build ## rate, latency, recovery, memory: embedded broker and Apache Kafka; needs java 17 and mvn
	test/integration/kafka/fetch $(CURDIR)/.tools/kafka
	$(GO) run ./test/compare -kafka $(CURDIR)/.tools/kafka/libs

compare-replay: build ## one selective rule over a million rows of a lake: weir, DuckDB on the same files, weir over the raw logs
	test/compare/replay/run $(CURDIR)/bin/weir

FUZZTIME ?= 30s
fuzz: ## each fuzz target for FUZZTIME
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

integration: build ## weir beside the real components that people run it with; installs all of them
	test/integration/run

integration-elastic: build ## the destination elastic on OpenSearch and Elasticsearch, which it fetches; needs a JDK 17 and mvn
	test/integration/elastic/run $(CURDIR)/.tools/elastic

integration-kafka: build ## the pipeline's tests on Apache Kafka, which it fetches; needs java 17 and mvn
	test/integration/kafka/run $(CURDIR)/.tools/kafka

integration-k8s: build ## a real kube-apiserver sends its audit to weir; needs etcd, builds the API server once
	test/integration/k8s/run

clean: ## remove what build and run have made
	rm -rf bin data

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
