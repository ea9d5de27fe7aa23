// All kernels, one translation unit.
#include "job.h"
#include "dense.cu"
#include "elementwise.cu"
#include "loss.cu"
#include "persistent.cu"
#include "peak.cu"
