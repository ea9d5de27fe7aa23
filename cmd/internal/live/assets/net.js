// A network: its weights as the server gives them, and what one image does in it.
import {ask, range} from './tools.js';

const activations = {
  identity: z => z,
  sigmoid: z => z.map(v => 1 / (1 + Math.exp(-v))),
  tanh: z => z.map(Math.tanh),
  relu: z => z.map(v => v < 0 ? 0 : v),
  softmax: z => {
    const top = Math.max(...z), e = z.map(v => Math.exp(v - top)), sum = e.reduce((s, v) => s + v, 0);
    return e.map(v => v / sum);
  },
};

// slopes are σ′ in terms of a = σ(z), of the activations that hidden layers have.
const slopes = {
  identity: () => 1,
  sigmoid: a => a * (1 - a),
  tanh: a => 1 - a * a,
  relu: a => a > 0 ? 1 : 0,
};

// Net is a network. about is what the server says of it, buffer its weights: W, In×Out, and b of each layer, then W₀ of
// the first where the start is known.
export class Net {
  constructor(about, buffer) {
    Object.assign(this, about);
    this.inputs = about.rows * about.cols * about.channels;
    const all = new Float32Array(buffer);
    let at = 0, inputs = this.inputs;
    const take = n => all.subarray(at, at += n);
    for (const l of this.layers) {
      l.inputs = inputs;
      l.w = take(inputs * l.units);
      l.b = take(l.units);
      inputs = l.units;
    }
    if (this.start) this.w0 = take(this.inputs * this.layers[0].units);
    this.hidden = this.layers.length - 1; // hidden layers
    this.output = this.layers[this.hidden];
    this.fetched = new Map(); // maps of deeper layers, by layer and view
    this.seen = new Map(); // what layers do on the test images
    this.asked = new Map(); // the same while it is on its way
    this.end = this; // the network handed out
    this.query = ''; // by what the server knows which network this is
  }

  // like is a network of the same kind with other weights: {w, b} of each layer, more being what else is other.
  like(layers, more) {
    const n = Object.assign(Object.create(Net.prototype), this, {fetched: new Map(), seen: new Map(), asked: new Map(), limits: null}, more);
    n.layers = this.layers.map((l, i) => ({...l, ...layers[i]}));
    n.output = n.layers[n.hidden];
    return n;
  }

  // at is the network at another time: of buffer, as the constructor takes it, without W₀. gamma of that was left then.
  at(buffer, gamma, query) {
    const all = new Float32Array(buffer);
    let at = 0;
    return this.like(this.layers.map(l => ({w: all.subarray(at, at += l.w.length), b: all.subarray(at, at += l.b.length)})), {gamma, query});
  }

  // path is where the server answers about this network.
  path(place, what, more) {
    const q = [more, this.query].filter(Boolean).join('&');
    return `/${place}/${what}${q ? '?' + q : ''}`;
  }

  // look asks what a layer does on the test images, once, and keeps it in seen.
  look(place, l) {
    if (!this.asked.has(l)) {
      this.asked.set(l, ask(this.path(place, `seen/${l + 1}`)).then(v => this.seen.set(l, v), err => {
        this.asked.delete(l);
        throw err;
      }));
    }
    return this.asked.get(l);
  }

  // forward works an image out, bytes of its pixels: z and a of each layer, in double precision on the float32 weights.
  forward(image) {
    const pass = {x: Float64Array.from(image, v => v / 255), z: [], a: []};
    let x = pass.x;
    for (const l of this.layers) {
      const z = Float64Array.from(l.b);
      for (let i = 0; i < x.length; i++) {
        const v = x[i];
        if (v === 0) continue;
        for (let j = 0, w = i * l.units; j < l.units; j++, w++) z[j] += v * l.w[w];
      }
      pass.z.push(z);
      pass.a.push(x = activations[l.activation](z));
    }
    return pass;
  }

  // evidence is what each neuron of a hidden layer gives to the logit of a class, less that of the class not: plain,
  // Σ e + rest = s. For the last hidden layer e = W·a, and rest is the bias; for an earlier one e = ∂s/∂a·a at this
  // image, and rest what that leaves out. With means, e is for a − mean, and rest has what the means give.
  evidence(pass, layer, k, not, mean) {
    let g = new Float64Array(this.output.units);
    g[k] += 1;
    if (not >= 0) g[not] -= 1;
    const logits = pass.z[this.hidden];
    const sum = logits[k] - (not >= 0 ? logits[not] : 0);
    for (let l = this.hidden; l > layer; l--) {
      const {w, units, inputs} = this.layers[l], back = new Float64Array(inputs);
      const slope = slopes[this.layers[l - 1].activation], a = pass.a[l - 1];
      for (let i = 0; i < inputs; i++) {
        let s = 0;
        for (let j = 0, at = i * units; j < units; j++, at++) s += w[at] * g[j];
        back[i] = l - 1 > layer ? s * slope(a[i]) : s;
      }
      g = back;
    }
    const e = pass.a[layer].map((a, j) => g[j] * (mean ? a - mean[j] : a));
    return {e, sum, rest: sum - e.reduce((s, v) => s + v, 0), bias: this.output.b[k] - (not >= 0 ? this.output.b[not] : 0), exact: layer === this.hidden - 1};
  }

  // then is the first layer at another time of the training, {w, gamma}, for the maps alone, where no more was kept.
  then = null;

  // views are the ways to see the maps: of the weights as they are, of what training put there, of the start.
  get views() { return this.start ? ['learned', 'raw', 'init'] : ['raw']; }

  // map is what a neuron of a layer looks for, a number per input; null while the server works it out. Those of the
  // first layer are its weights.
  map(layer, j, view) {
    if (layer > 0) {
      const all = this.fetched.get(layer + view);
      return all ? all.subarray(j * this.inputs, (j + 1) * this.inputs) : null;
    }
    const {units} = this.layers[0], out = new Float32Array(this.inputs);
    const {w, gamma} = this.then || {w: this.layers[0].w, gamma: this.gamma};
    for (let p = 0, at = j; p < out.length; p++, at += units) {
      out[p] = view === 'raw' ? w[at] : view === 'init' ? this.w0[at] : w[at] - gamma * this.w0[at];
    }
    return out;
  }

  // limit is where the colours of a layer's maps end: so that one weight of 500 is beyond it. It is that of the network
  // handed out at every time, and whatever is broken.
  limit(layer, view) { return this.end.limitNow(layer, view) || this.limitNow(layer, view); }

  limitNow(layer, view) {
    this.limits ||= new Map();
    const key = layer + view;
    if (!this.limits.has(key)) {
      const {units} = this.layers[layer], some = [], step = Math.max(1, Math.floor(units * this.inputs / 100000));
      let n = 0;
      for (const j of range(units)) for (const v of this.map(layer, j, view) || []) if (n++ % step === 0) some.push(Math.abs(v));
      if (!some.length) return 0;
      const sorted = Float32Array.from(some).sort();
      this.limits.set(key, sorted[Math.floor(sorted.length * 0.998)] || sorted[sorted.length - 1]);
    }
    return this.limits.get(key);
  }

  // product is input×weight of a neuron of the first layer: Σ + b = z.
  product(pass, j) {
    const {w, units} = this.layers[0], {x} = pass, out = new Float64Array(x.length);
    for (let p = 0; p < x.length; p++) if (x[p] !== 0) out[p] = x[p] * w[p * units + j];
    return out;
  }

  // outgoing are the weights from a neuron of the last hidden layer to the outputs.
  outgoing(j) {
    const {w, units} = this.output;
    return Array.from(w.subarray(j * units, (j + 1) * units));
  }
}

// answer is the class of the largest logit, of equals the first.
export const answer = z => z.reduce((best, v, k) => v > z[best] ? k : best, 0);
