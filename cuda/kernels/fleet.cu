// Many networks of a shape in one cooperative launch; see train.h. These kernels have PTX of their own, fleet.ptx: a
// driver takes as long to compile them as all others together, and most programs run none of them.
#include "train.h"

// Row y of the grid has the network of jobs[y], and takes nothing from the others. Its FleetJob lies behind all else in
// shared memory: registers are dear, and the cache that is left beside shared memory is small.
template <int LAYERS>
static __device__ __forceinline__ void train_fleet(const PersistentNet &net, const FleetJob *jobs) {
  SHARED(float, memory);
  uint32_t *to = (uint32_t *)(memory + net.row_loss + 32 * net.batch);
  const uint32_t *from = (const uint32_t *)(jobs + blockIdx.y);
  for (int e = threadIdx.x; e < (int)(sizeof(FleetJob) / 4); e += blockDim.x) to[e] = from[e];
  __syncthreads();
  const FleetJob &mine = *(const FleetJob *)to;
  train<LAYERS, 5>(net, mine.own, mine.job, mine.from, mine.to, mine.tag);
}

KERNEL_ALONE(512, fleet_2, PersistentNet net, const FleetJob *jobs) { train_fleet<2>(net, jobs); }
KERNEL_ALONE(512, fleet_3, PersistentNet net, const FleetJob *jobs) { train_fleet<3>(net, jobs); }
KERNEL_ALONE(512, fleet_4, PersistentNet net, const FleetJob *jobs) { train_fleet<4>(net, jobs); }
