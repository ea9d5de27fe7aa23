# Every target is one or two commands; BUILD.md says what they are for.
.DEFAULT_GOAL := help
FUZZTIME ?= 10s
ONNXRUNTIME ?= $(or $(TMPDIR),/tmp)/neuroloupe-onnxruntime
GOFUMPT := go run mvdan.cc/gofumpt@v0.9.2
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.7.0

# cu must find our cuda.h, not that of a CUDA installation, with which it may not compile, and the empty libcuda. The
# folder's name may have a space in it.
GPU := CGO_ENABLED=1 CGO_CFLAGS="-O2 -g '-I$$PWD/cuda/include'" CGO_LDFLAGS="'-L$$PWD/cuda/internal/driver/lib'" go

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

build: ## build bin/neuroloupe
	CGO_ENABLED=0 go build -o bin/neuroloupe ./cmd/neuroloupe

gpu: ## build bin/neuroloupe with GPU support; needs gcc and no CUDA (Linux, amd64 and arm64)
	$(GPU) build -trimpath -tags gpu -o bin/neuroloupe ./cmd/neuroloupe

test: ## run all tests
	go test ./...

test-gpu: ## run the tests of GPU support on the driver simulator (needs g++)
	$(GPU) test -timeout 30m $(TESTFLAGS) -tags gpu ./cuda/...

lint-gpu: ## check GPU support with vet and staticcheck
	$(GPU) vet -tags gpu ./...
	$(GPU) run $(word 3,$(STATICCHECK)) -tags gpu ./cuda/... ./cmd/...

RACE ?= ./...
race: ## run all tests under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -timeout 90m $(TESTFLAGS) $(RACE)

lint: ## check formatting, vet and staticcheck
	@files="$$($(GOFUMPT) -l .)"; test -z "$$files" || { echo "not gofumpt-formatted: $$files"; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

VET ?= linux/386 linux/arm linux/arm64 linux/riscv64 windows/amd64 darwin/arm64
vet-all: ## vet for other systems and processors, of 32 bits too
	@for target in $(VET); do \
	  echo "$$target"; GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go vet ./... || exit 1; \
	done

bench: ## run all Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

bench-peers: ## measure beside PyTorch, scikit-learn, plain Gorgonia and GoMLX; writes docs/benchmarks.md
	go run ./cmd/peers

check-onnx: ## run exported models in onnxruntime (needs node and npm)
	npm install --ignore-scripts --no-save --prefix "$(ONNXRUNTIME)" onnxruntime-node@1.30.0
	NEUROLOUPE_ONNXRUNTIME="$(ONNXRUNTIME)" go test -count=1 -run ONNXRuntime -v ./cmd/internal/exchange

soak: ## spoil every file call of the commands once, kill them 1,000 times, make their files bad (Linux)
	cd cmd/neuroloupe && NEUROLOUPE_SOAK=1 go test -timeout 6h \
	  -run '^(TestFaults|TestKills|TestBadFiles|TestSweepKills)$$'

slurm-check: ## send a sweep through a Slurm cluster of two virtual nodes on this machine (needs slurm-wlm and munge)
	NEUROLOUPE_SLURM=1 go test -count=1 -run '^TestSlurmCluster$$' -v ./cmd/neuroloupe

kubernetes-check: ## decode the manifest of docs/clusters.md strictly
	cd cmd/internal/sweep/kubernetes && go vet ./... && go test ./...

nightly: ## run what CI leaves out: everything under the race detector, all thread orders, all targets, soak, long fuzz
	$(MAKE) race vet-all
	@for settings in "order=reverse" "order=shuffle seed=7" "order=shuffle seed=8 lazy=1"; do \
	  echo "$$settings"; NEUROLOUPE_SIM="$$settings" $(MAKE) test-gpu || exit 1; \
	done
	NEUROLOUPE_SIM_BUILD=race $(MAKE) test-gpu
	NEUROLOUPE_SIM_BUILD=asan $(MAKE) test-gpu \
	  TESTFLAGS="-exec 'env ASAN_OPTIONS=detect_leaks=0:handle_segv=0 LD_PRELOAD=$$(g++ -print-file-name=libasan.so)'"
	env GOARCH=arm64 CGO_ENABLED=0 go test -timeout 60m -exec qemu-aarch64 ./engine/... ./graph
	$(MAKE) ptxas soak slurm-check kubernetes-check
	$(MAKE) fuzz FUZZTIME=10m

fuzz: ## fuzz each fuzz target for FUZZTIME
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; \
	    go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

generate: ## write again what is generated: assembly, the CUDA header, trampolines, PTX (needs gcc, clang-14)
	go generate ./engine/cpu/...
	cuda/include/mkheader.sh
	cuda/internal/driver/mksymbols.sh
	cuda/kernels/mkptx.sh

ptxas: ## assemble the PTX for sm_75, sm_80, sm_90 where NVIDIA's assembler can be had
	cuda/kernels/checkptx.sh

# --- gpu-check, gpu-docs ---
gpu-check: ## check and measure an NVIDIA card; without one, make bin/gpu-check, which can be carried to one
	$(GPU) build -trimpath -tags gpu -buildvcs=true -ldflags "-s -w" -o bin/gpu-check/gpucheck ./cmd/gpucheck
	$(GPU) test -c -trimpath -tags gpu -ldflags "-s -w" -o bin/gpu-check/cuda.test ./cuda
	bin/gpu-check/gpucheck pack bin/gpu-check

gpu-docs: ## write docs/gpu.md from the results in docs/gpu
	go run ./cmd/gpucheck docs docs/gpu docs/gpu.md

test-gpu-cmd: ## run the tests of the programs with GPU support on the driver simulator (needs g++)
	$(GPU) test -tags gpu -run 'GPU' ./cmd/...
.PHONY: gpu-check gpu-docs test-gpu-cmd
# --- end of gpu-check, gpu-docs ---

golden: ## draw the golden pictures and texts again; look at them before committing
	go test ./render ./graph -update

.PHONY: help build gpu test test-gpu race lint lint-gpu vet-all bench bench-peers check-onnx soak slurm-check
.PHONY: kubernetes-check nightly fuzz generate ptxas golden
