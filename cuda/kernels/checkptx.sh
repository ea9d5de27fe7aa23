#!/bin/sh
# Assembles kernels.ptx and fleet.ptx for some cards with NVIDIA's ptxas: what the driver's compiler would refuse, it
# refuses too, and it says how many registers the kernels have. ptxas is the one on the path, or that of Debian's
# package in non-free, which is unpacked into a temporary folder and not installed. Without either, it says so and ends
# well.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ptxas=$(command -v ptxas || true)
if [ -z "$ptxas" ]; then
	skip() {
		echo "skipped: no ptxas here, and $1"
		exit 0
	}
	command -v apt-get >/dev/null || skip "no apt-get to fetch it with"
	# The package is in non-free, which few have among their sources: a list of our own has it, beside the machine's.
	source=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
		'Identifier: Packages' 'Origin: Debian' 'Component: main' | head -n 1)
	[ -n "$source" ] || skip "apt has no package source of Debian"
	mkdir -p "$work/lists/partial" "$work/none"
	echo "deb $source non-free" >"$work/sources.list"
	apt() {
		apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/none" \
			-o Dir::State::Lists="$work/lists" -o APT::Sandbox::User=root "$@" >"$work/log" 2>&1
	}
	apt update && (cd "$work" && apt download nvidia-cuda-toolkit) ||
		skip "nvidia-cuda-toolkit cannot be had: $(tail -n 1 "$work/log")"
	dpkg -x "$work"/nvidia-cuda-toolkit_*.deb "$work/toolkit"
	ptxas=$(find "$work/toolkit" -name ptxas -type f | head -n 1)
	[ -n "$ptxas" ] || skip "none in Debian's nvidia-cuda-toolkit"
fi
"$ptxas" --version | tail -n 1
for arch in sm_75 sm_80 sm_90; do
	if ! "$ptxas" --help | grep -q "$arch"; then
		echo "$arch: skipped, this ptxas does not know it"
		continue
	fi
	for name in kernels fleet; do
		"$ptxas" -v -arch="$arch" -o /dev/null $name.ptx 2>"$work/$arch" || { cat "$work/$arch"; exit 1; }
		# A kernel that keeps registers in memory is slow, not wrong.
		awk -v arch="$arch" '/Function properties for/ { name = $NF }
			/[1-9][0-9]* bytes spill/ { print arch ": " name ":" $0 }' "$work/$arch"
		registers=$(grep -oE 'Used [0-9]+ registers' "$work/$arch" | sort -k2n | tail -n 1 | cut -d' ' -f2)
		echo "$arch: $name.ptx: $(grep -c 'Compiling entry' "$work/$arch") kernels, at most $registers registers"
	done
done
