// Training steps in one cooperative launch: a network's parameters stay in the blocks' shared memory from the first
// step to the last.
//
// A block owns some units of every hidden layer, and computes them for all rows of the batch. It has the columns of W
// that make its units, and of the next layer's W also the rows that its units reach, for the way back; both copies
// change by the same sums. The output layer is small: every block has all of it and computes it for itself. So blocks
// meet only to exchange what hidden units give: once a step with one hidden layer. The δ of the last hidden layer need
// no exchange.
//
// There is no barrier over the grid. A word of an exchange holds a value and the number of its step, written as one;
// who reads it waits for the number (as in NCCL's LL protocol). There are two sets of words, for odd and for even
// steps: before a block writes a set again, it has read the other one whole, which every block has written to after it
// was done with this one. Every block owns a unit of the widest hidden layer at least.
//
// The blocks of a network are a row of the grid. Where there are several rows, each has a network and words of its own,
// and no row waits for another.
#pragma once
#include "persistent.h"

// Steps from ≤ step < to of the job's call; tag is the number of the first. ROWS is how many rows a warp takes through
// the first layer at a time where a block has several units.
template <int LAYERS, int ROWS>
static __device__ __forceinline__ void train(const PersistentNet &net, const PersistentOwn &own, const Job &job,
                                             int from, int to, uint32_t tag) {
  SHARED(float, memory);
  Me me = {(int)threadIdx.x, (int)blockDim.x, (int)threadIdx.x % 32, (int)threadIdx.x / 32, (int)blockDim.x / 32,
           memory};
  const int LAST = LAYERS - 1, HIDDEN = LAYERS - 2; // the output layer, and the one before it
  const PersistentLayer *layer = net.layer;
  int first[LAYERS], owned[LAYERS]; // units of the block
#pragma unroll
  for (int k = 0; k < LAYERS; k++) {
    first[k] = first_unit(layer[k].out, blockIdx.x);
    owned[k] = first_unit(layer[k].out, blockIdx.x + 1) - first[k];
  }
  const PersistentLayer &bottom = layer[0], &top = layer[LAST];
  bool dropout = own.keep > 0.0f, reports = blockIdx.x == 0;
  int batch = net.batch;
  uint8_t *images = (uint8_t *)(memory + net.images);
  int *index = (int *)(memory + net.index), *labels = (int *)(memory + net.labels);
  float *row_loss = memory + net.row_loss;

  // Everything is 0 at first, and so what rounds widths up to 4 is 0 for ever.
  int size = net.row_loss + 32 * batch;
  for (int e = me.t; e < size; e += me.threads) memory[e] = 0.0f;
  __syncthreads();
  move_all<LAYERS, false>(me, net, own);
  for (int r = me.t; r < rows_of(job, from); r += me.threads) {
    index[r] = device_value(job.order + (size_t)from * job.batch + r);
    labels[r] = device_value(job.labels + index[r]);
  }
  if (from + 1 < to)
    for (int r = me.t; r < rows_of(job, from + 1); r += me.threads)
      index[batch + r] = device_value(job.order + (size_t)(from + 1) * job.batch + r);
  __syncthreads();
  load_images(me, bottom, job, index, rows_of(job, from), images);
  __syncthreads();

  for (int step = from; step < to; step++, tag++) {
    int rows = rows_of(job, step), set = (step - from) & 1;
    const uint8_t *x = images + (size_t)set * batch * bottom.stride;
    Rule rule = {net.method, own.momentum, own.beta1, own.beta2, own.epsilon, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    const float *rates = job.rates + (size_t)step * job.stride;
    rule.rate = device_value(rates);
    if (rule.method == ADAM) {
      rule.unbias1 = device_value(rates + 1);
      rule.unbias2 = device_value(rates + 2);
    }
    Dropout drop = {own.keep, own.seed, job.first + (uint64_t)step, 0};

    // Forward through the hidden layers.
#pragma unroll
    for (int k = 0; k < LAST; k++) {
      const PersistentLayer &l = layer[k];
      uint64_t *words = own.layer[k].forward + (tag & 1u) * (size_t)batch * l.width;
      if (k == 0) {
        if (l.units == 1) forward_images<1>(me, l, 0, x, rows, first[0], owned[0], tag, words);
        else if (ROWS > 1) forward_rows<ROWS>(me, l, net.by_groups, x, rows, first[0], owned[0], tag, words);
        else forward_images<4>(me, l, net.by_groups, x, rows, first[0], owned[0], tag, words);
        // While the other blocks compute: what the next steps want, under way together.
        int next = (set ^ 1) * batch;
        int rows1 = step + 1 < to ? rows_of(job, step + 1) : 0, rows2 = step + 2 < to ? rows_of(job, step + 2) : 0;
        int ahead = me.t < rows2 ? device_value(job.order + (size_t)(step + 2) * job.batch + me.t) : 0;
        int label = me.t < rows1 ? device_value(job.labels + index[next + me.t]) : 0;
        load_images(me, l, job, index + next, rows1, images + (size_t)next * l.stride);
        if (me.t < rows1) labels[next + me.t] = label;
        if (me.t < rows2) index[set * batch + me.t] = ahead;
      } else {
        const PersistentLayer &p = layer[k > 0 ? k - 1 : 0];
        sums(
            me, rows * l.units,
            [&](int o, int part, int parts, float *sum) {
              int r = over(o, l.by_units), u = o - r * l.units;
              dot(memory + p.a + r * p.width, dropout ? memory + p.mask + r * p.width : (const float *)0,
                  memory + l.columns + u * l.stride, l.stride / 4, part, parts, sum);
            },
            [&](int o, float sum) {
              int r = over(o, l.by_units), u = o - r * l.units;
              if (u < owned[k]) publish(l, words, r, first[k] + u, activate(l.act, sum + memory[l.bias + u]), tag);
            });
      }
      if (dropout) {
        drop.layer = k + 1;
        for (int e = me.t; e < rows * l.out; e += me.threads) {
          int r = over(e, l.by_out);
          memory[l.mask + r * l.width + e - r * l.out] = mask_element(drop, e);
        }
      }
      receive(me, words, rows * l.width, tag, memory + l.a);
      __syncthreads();
    }

    // The output layer, its loss and its δ, in all blocks alike.
    const PersistentLayer &h = layer[HIDDEN];
    sums(
        me, rows * top.out,
        [&](int o, int part, int parts, float *sum) {
          int r = over(o, top.by_out), c = o - r * top.out;
          dot(memory + h.a + r * h.width, dropout ? memory + h.mask + r * h.width : (const float *)0,
              memory + top.columns + c * top.stride, top.stride / 4, part, parts, sum);
        },
        [&](int o, float sum) {
          int r = over(o, top.by_out), c = o - r * top.out;
          memory[top.a + r * top.width + c] = sum + memory[top.bias + c];
        });
    __syncthreads();
    for (int r = me.warp; r < rows; r += me.warps) {
      float *z = memory + top.a + r * top.width;
      if (net.loss == QUADRATIC && top.act == SOFTMAX) {
        float m, sum;
        softmax_scale(z, top.out, me.lane, &m, &sum);
        float unit = 1.0f / sum;
        for (int c = me.lane; c < top.out; c += 32) z[c] = exp32(z[c] - m) * unit;
      } else if (net.loss == QUADRATIC) {
        for (int c = me.lane; c < top.out; c += 32) z[c] = activate(top.act, z[c]);
      }
      Target y = {(const float *)0, labels[set * batch + r]};
      float part = loss_row(net.loss, top.act, z, y, top.out, me.lane, 1.0f / (float)rows, (float *)0, z, reports);
      if (reports) row_loss[32 * r + me.lane] = part;
    }
    __syncthreads();
    if (reports && me.warp == me.warps - 1) { // while the others go on
      float sum = 0.0f;
      for (int r = 0; r < rows; r++) sum += row_loss[32 * r + me.lane];
      sum = warp_sum(sum);
      if (me.lane == 0) job.loss[step] = sum / (float)rows;
    }

    // δ of the last hidden layer: of all its units, or of the block's own where nobody below wants the others.
    {
      bool all = HIDDEN > 0;
      int units = all ? h.out : h.units, at = all ? 0 : first[HIDDEN], width = all ? h.width : h.units;
      uint32_t by_units = all ? h.by_out : h.by_units;
      sums(
          me, rows * units,
          [&](int o, int part, int parts, float *sum) {
            int r = over(o, by_units), u = at + o - r * units;
            for (int c = part; c < top.out; c += parts)
              *sum = fma32(memory[top.a + r * top.width + c], memory[top.columns + c * top.stride + u], *sum);
          },
          [&](int o, float sum) {
            int r = over(o, by_units), u = o - r * units, e = r * h.width + at + u;
            if (!all && u >= owned[HIDDEN]) return;
            if (dropout) sum *= memory[h.mask + e];
            memory[h.delta + r * width + u] = through_activation(h.act, memory[h.a + e], sum);
          });
    }
    __syncthreads();
#pragma unroll
    for (int k = LAYERS - 3; k >= 0; k--) {
      const PersistentLayer &l = layer[k], &n = layer[k + 1];
      uint64_t *words = k > 0 ? own.layer[k].backward + (tag & 1u) * (size_t)batch * l.width : (uint64_t *)0;
      sums(
          me, rows * l.units,
          [&](int o, int part, int parts, float *sum) {
            int r = over(o, l.by_units), u = o - r * l.units;
            dot(memory + n.delta + r * n.width, (const float *)0, memory + n.rows + u * n.width, n.width / 4,
                part, parts, sum);
          },
          [&](int o, float sum) {
            int r = over(o, l.by_units), u = o - r * l.units, e = r * l.width + first[k] + u;
            if (u >= owned[k]) return;
            if (dropout) sum *= memory[l.mask + e];
            sum = through_activation(l.act, memory[l.a + e], sum);
            if (k > 0) publish(l, words, r, first[k] + u, sum, tag);
            else memory[l.delta + r * l.units + u] = sum;
          });
      if (k > 0) receive(me, words, rows * l.width, tag, memory + l.delta);
      __syncthreads();
    }

    // Updates, each of what the block has. Sums over the batch run over rising rows in all copies of a weight.
#pragma unroll
    for (int k = LAST; k >= 0; k--) {
      const PersistentLayer &l = layer[k];
      bool last = k == LAST;
      int units = last ? l.out : owned[k], at = last || k == 0 ? 0 : first[k];
      const float *delta = memory + (last ? l.a : l.delta);
      int width = k == 0 ? l.units : l.width, block = l.units * l.stride;
      Rule r = rule;
      r.l2 = own.layer[k].l2;
      r.l1 = own.layer[k].l1;
      int quads = l.stride / 4;
      // Layers begin with different threads: small ones then keep all busy.
      for (int e = (me.t + k * (me.threads / 2)) & (me.threads - 1); e < units * quads; e += me.threads) {
        int u = over(e, l.by_quads), q = e - u * quads;
        float g[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (k == 0) {
#pragma unroll 4
          for (int b = 0; b < rows; b++) {
            uint32_t word = ((const uint32_t *)(x + (size_t)b * l.stride))[q];
            float d = delta[b * width + u];
#pragma unroll
            for (int i = 0; i < 4; i++) g[i] = fma32(byte_of(word, i), d, g[i]);
          }
#pragma unroll
          for (int i = 0; i < 4; i++) g[i] *= UNIT;
        } else {
          const PersistentLayer &p = layer[k > 0 ? k - 1 : 0];
#pragma unroll 4
          for (int b = 0; b < rows; b++) {
            Quad a = quad(memory + p.a + b * p.width + 4 * q);
            if (dropout) {
              Quad m = quad(memory + p.mask + b * p.width + 4 * q);
#pragma unroll
              for (int i = 0; i < 4; i++) a.v[i] *= m.v[i];
            }
            float d = delta[b * width + at + u];
#pragma unroll
            for (int i = 0; i < 4; i++) g[i] = fma32(a.v[i], d, g[i]);
          }
        }
        float *w = memory + l.columns + u * l.stride + 4 * q;
#pragma unroll
        for (int i = 0; i < 4; i++)
          if (4 * q + i < l.in) update(r, g[i], w + i, w + block + i, w + 2 * block + i);
      }
      if (k > 0 && !last) {
        const PersistentLayer &p = layer[k > 0 ? k - 1 : 0];
        int before = owned[k > 0 ? k - 1 : 0], at_before = first[k > 0 ? k - 1 : 0];
        float *w = memory + l.rows;
        int copy = p.units * l.width;
        for (int e = me.t; e < before * l.out; e += me.threads) {
          int u = over(e, l.by_out), j = e - u * l.out, i = at_before + u;
          float g = 0.0f;
          for (int b = 0; b < rows; b++) {
            float a = memory[p.a + b * p.width + i];
            if (dropout) a *= memory[p.mask + b * p.width + i];
            g = fma32(a, delta[b * width + j], g);
          }
          float *v = w + u * l.width + j;
          update(r, g, v, v + copy, v + 2 * copy);
        }
      }
      r.l2 = r.l1 = 0.0f;
      for (int u = me.t; u < units; u += me.threads) {
        float g = 0.0f;
        for (int b = 0; b < rows; b++) g += delta[b * width + at + u];
        float *v = memory + l.bias + u;
        update(r, g, v, v + l.units, v + 2 * l.units);
      }
    }
    __syncthreads();
  }
  move_all<LAYERS, true>(me, net, own);
}
