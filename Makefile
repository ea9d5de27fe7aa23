# Every target is one or two commands; BUILD.md says what they are for.
.DEFAULT_GOAL := help
FUZZTIME ?= 10s
GOFUMPT := go run mvdan.cc/gofumpt@v0.9.2
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.7.0

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

build: ## build bin/neuroloupe
	CGO_ENABLED=0 go build -o bin/neuroloupe ./cmd/neuroloupe

test: ## run all tests
	go test ./...

race: ## run all tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race ./...

lint: ## check formatting, vet and staticcheck
	@files="$$($(GOFUMPT) -l .)"; test -z "$$files" || { echo "not gofumpt-formatted: $$files"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

bench: ## run all Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

bench-peers: ## measure beside PyTorch, scikit-learn, plain Gorgonia and GoMLX; writes docs/benchmarks.md
	go run ./cmd/neuroloupe/internal/peers

fuzz: ## fuzz each fuzz target for FUZZTIME
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

generate: ## write the assembly again from its generators
	go generate ./engine/cpu/...

golden: ## draw the golden pictures and texts again; look at them before committing
	go test ./render ./engine -update

.PHONY: help build test race lint bench bench-peers fuzz generate golden
