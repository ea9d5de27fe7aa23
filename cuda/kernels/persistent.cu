// A network on the whole device, in one cooperative launch; see train.h.
#include "train.h"

KERNEL_ALONE(512, persistent_2, PersistentNet net, PersistentOwn own, Job job, int from, int to, uint32_t tag) {
  train<2, 1>(net, own, job, from, to, tag);
}
KERNEL_ALONE(512, persistent_3, PersistentNet net, PersistentOwn own, Job job, int from, int to, uint32_t tag) {
  train<3, 1>(net, own, job, from, to, tag);
}
KERNEL_ALONE(512, persistent_4, PersistentNet net, PersistentOwn own, Job job, int from, int to, uint32_t tag) {
  train<4, 1>(net, own, job, from, to, tag);
}
