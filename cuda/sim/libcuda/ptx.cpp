// Reads what matters of PTX: for which device it is, from which sources it was made, and its kernels with their
// parameters. All of it must agree with the sources that this library was compiled from, so that PTX which was not made
// again after a change is found.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

// The sha256 of the kernels' sources; the build sets it.
#ifndef SOURCE_SHA256
#error "SOURCE_SHA256 is not set"
#endif

namespace sim {

namespace {

const char *const source_hash = SOURCE_SHA256;

const Kernel *kernel_named(const std::string &name) {
	for (auto &k : kernels())
		if (name == k.name) return &k;
	return nullptr;
}

template <class... A> std::string text(const char *format, A... a) {
	char s[500];
	snprintf(s, sizeof s, format, a...);
	return s;
}

// number reads the decimal number after the first occurrence of word, or returns otherwise.
int number(const std::string &s, const char *word, int otherwise) {
	size_t at = s.find(word);
	if (at == std::string::npos) return otherwise;
	at = s.find_first_of("0123456789", at);
	return at == std::string::npos ? otherwise : atoi(s.c_str() + at);
}

// hash_in returns the first 64 hexadecimal digits in a row, or nothing.
std::string hash_in(const std::string &s) {
	size_t run = 0;
	for (size_t i = 0; i < s.size(); i++) {
		run = isxdigit((unsigned char)s[i]) ? run + 1 : 0;
		if (run == 64) return s.substr(i - 63, 64);
	}
	return "";
}

// sizes reads ".param .u64 name" and ".param .align 8 .b8 name[16]", separated by commas.
std::vector<int> sizes(const std::string &list) {
	std::vector<int> v;
	for (size_t at = list.find(".param"); at != std::string::npos; at = list.find(".param", at + 1)) {
		std::string one = list.substr(at, list.find(',', at) - at);
		size_t array = one.find('['), type = one.find_last_of('.');
		int bits = number(one.substr(type), ".", 0);
		v.push_back(array == std::string::npos ? bits / 8 : bits / 8 * atoi(one.c_str() + array + 1));
	}
	return v;
}

// differs says how the parameters of k in PTX are not those in the source.
std::string differs(const Kernel &k, const std::vector<int> &ptx) {
	if ((int)ptx.size() != k.parameters)
		return text("kernel %s has %zu parameters in the PTX, %d in the source", k.name, ptx.size(), k.parameters);
	for (int i = 0; i < k.parameters; i++)
		if (ptx[i] != k.sizes[i])
			return text("parameter %d of kernel %s has %d bytes in the PTX, %d in the source", i, k.name, ptx[i],
			            k.sizes[i]);
	return "";
}

} // namespace

CUresult load(const char *ptx, int device, std::map<std::string, Function> &functions, std::string &log) {
	std::string s(ptx);
	if (s.find(".version") == std::string::npos || s.find(".target sm_") == std::string::npos) {
		log = "not PTX: no .version or no .target";
		return CUDA_ERROR_INVALID_IMAGE;
	}
	if (int target = number(s, ".target sm_", 0); target > options.capability) {
		log = text("the PTX is for compute capability %d.%d and newer, device %d has %d.%d", target / 10, target % 10,
		           device, options.capability / 10, options.capability % 10);
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	}
	if (!options.compiler) return CUDA_ERROR_JIT_COMPILER_NOT_FOUND;
	if (!options.jit) {
		log = text("the compiler does not know compute capability %d.%d", options.capability / 10,
		           options.capability % 10);
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	}
	std::string hash = hash_in(s.substr(0, s.find(".version")));
	if (hash != source_hash) {
		log = text("stale PTX: made from sources with sha256 %.16s, the sources have %.16s",
		           hash.empty() ? "none" : hash.c_str(), source_hash);
		fault("%s", log.c_str());
		return CUDA_ERROR_INVALID_PTX;
	}
	for (size_t at = s.find(".entry"); at != std::string::npos; at = s.find(".entry", at)) {
		size_t open = s.find('(', at), close = s.find(')', open), body = s.find('{', close);
		size_t first = s.find_first_not_of(" \t", at + 6);
		std::string name = s.substr(first, s.find_first_of("( \t\n", first) - first);
		at = body;
		const Kernel *k = kernel_named(name);
		log = k ? differs(*k, sizes(s.substr(open, close - open)))
		        : text("kernel %s is not in the sources", name.c_str());
		if (!log.empty()) {
			log = "stale PTX: " + log;
			fault("%s", log.c_str());
			return CUDA_ERROR_INVALID_PTX;
		}
		functions[name] = {k, number(s.substr(close, body - close), ".maxntid", 1024)};
	}
	return CUDA_SUCCESS;
}

// write_ptx returns PTX with all kernels and no code, which load takes.
std::string write_ptx() {
	std::string s = text("// sources sha256 %s\n.version 6.4\n.target sm_70\n.address_size 64\n", source_hash);
	for (auto &k : kernels()) {
		s += text("\n.visible .entry %s(", k.name);
		for (int i = 0; i < k.parameters; i++) {
			s += text("%s\n\t.param .b%d %s_param_%d", i ? "," : "", 8 * k.sizes[i], k.name, i);
		}
		s += text("\n)\n.maxntid %d, 1, 1\n{\n\tret;\n}\n", k.max_threads);
	}
	return s;
}

} // namespace sim
