// Functions of the driver that cu's header does not declare.
#pragma once
#include <cuda.h>

// Since CUDA 11.4.
CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long flags);

// Since CUDA 12.4.
CUresult cuFuncLoad(CUfunction f);
