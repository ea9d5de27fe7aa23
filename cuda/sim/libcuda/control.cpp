// What tests set and read. Settings come as words "name=value", from the environment variable NEUROLOUPE_SIM when the
// driver is opened, and from neuroloupe_sim_set; see the table in README.md.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sstream>

#include "sim.h"

namespace sim {

Options options;
Counts counts;
std::mt19937 random;

namespace {

std::string faults; // a line each

bool set_order(const std::string &v) {
	if (v == "forward") options.order = Order::Forward;
	else if (v == "reverse") options.order = Order::Reverse;
	else if (v == "shuffle") options.order = Order::Shuffle;
	else return false;
	return true;
}

bool set(const std::string &word) {
	size_t at = word.find('=');
	std::string name = word.substr(0, at), v = at == std::string::npos ? "1" : word.substr(at + 1);
	long long n = atoll(v.c_str());
	if (name == "reset") {
		options = Options();
		faults.clear();
		counts.launches = counts.switches = 0;
	} else if (name == "forget_faults") {
		faults.clear();
	} else if (name == "order") {
		return set_order(v);
	} else if (name == "seed") {
		random.seed(options.seed = n);
	} else if (name == "lazy") {
		options.lazy = n;
	} else if (name == "memory") {
		options.memory = n;
	} else if (name == "devices") {
		options.devices = n;
	} else if (name == "sms") {
		options.sms = n;
	} else if (name == "share") {
		options.share = n;
	} else if (name == "capability") {
		options.capability = n;
	} else if (name == "driver") {
		options.driver = n;
	} else if (name == "lose_after") {
		options.lose_after = n;
	} else if (name == "jit") {
		options.jit = n;
	} else if (name == "compiler") {
		options.compiler = n;
	} else if (name == "busy") {
		options.busy = n;
	} else if (name == "no_device") {
		options.no_device = n;
	} else {
		return false;
	}
	return true;
}

int copy_out(const std::string &s, char *buf, int n) {
	if (n > 0) snprintf(buf, n, "%s", s.c_str());
	return s.size();
}

} // namespace

std::vector<Kernel> &kernels() {
	static std::vector<Kernel> all;
	return all;
}

Registration::Registration(const Kernel &k) { kernels().push_back(k); }

void fault(const char *format, ...) {
	char s[1000];
	va_list a;
	va_start(a, format);
	vsnprintf(s, sizeof s, format, a);
	va_end(a);
	fprintf(stderr, "simulator: %s\n", s);
	faults += s;
	faults += '\n';
}

} // namespace sim

extern "C" {

// neuroloupe_sim_set changes settings, words with spaces between. It returns 0, or -1 for a word that it does not know.
int neuroloupe_sim_set(const char *words) {
	std::istringstream in(words);
	for (std::string w; in >> w;)
		if (!sim::set(w)) {
			fprintf(stderr, "simulator: no setting %s\n", w.c_str());
			return -1;
		}
	return 0;
}

// neuroloupe_sim_counts writes lines "name number": what is alive, and what was done since the last reset.
int neuroloupe_sim_counts(char *buf, int n) {
	auto &c = sim::counts;
	std::ostringstream s;
	s << "allocations " << c.allocations << "\nbytes " << c.bytes << "\npinned " << c.pinned << "\nmodules "
	  << c.modules << "\nstreams " << c.streams << "\nevents " << c.events << "\ngraphs " << c.graphs << "\ncontexts "
	  << c.contexts << "\nlaunches " << c.launches << "\nswitches " << c.switches << "\n";
	return sim::copy_out(s.str(), buf, n);
}

// neuroloupe_sim_faults writes the faults since the last reset, a line each, and returns their length.
int neuroloupe_sim_faults(char *buf, int n) { return sim::copy_out(sim::faults, buf, n); }

// neuroloupe_sim_ptx writes PTX of all kernels, without code, and returns its length.
int neuroloupe_sim_ptx(char *buf, int n) { return sim::copy_out(sim::write_ptx(), buf, n); }
}
