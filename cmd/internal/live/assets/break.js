// Break: what the network does without some neurons, without its start, with noise on its weights.
import {$, ask, button, choice, el, fixed, setText, signed} from './tools.js';
import {neuron, now, state} from './state.js';

const most = 512; // neurons that can be off, as the server bounds it
let parts, latest = 0, asking = false, drawn = '', last = {};

const nameOf = (l, j) => `${l + 1}.${j}`;
const shownName = key => now.net.hidden > 1 ? key : key.split('.')[1];

// isOff says whether a neuron is off.
export const isOff = (l, j) => state.off.includes(nameOf(l, j));

// gives says what a neuron that is off gives to the layer behind it; nothing for one that is on.
export function gives(l, j) {
  if (!isOff(l, j)) return '';
  const seen = now.moment.seen.get(l);
  return `; it is off, and gives ${zero() || !seen ? 0 : fixed(seen.mean[j], 3)} whatever the image`;
}

const zero = () => state.still === 'zero' || !now.end.tests;

// mix is a bijection of 32 bits; see inspect.Normal, which works out the same numbers.
function mix(x) {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ x >>> 16) >>> 0;
}

// normal are n numbers of the normal distribution, the same for the same seed and layer.
export function normal(seed, layer, n) {
  const key = mix(seed + Math.imul(layer, 0x9e3779b9)), second = mix(key ^ 0x85ebca6b), out = new Float64Array(n);
  const uniform = i => (mix(mix(i ^ key) + second) + 0.5) / 4294967296;
  for (let i = 0; i < n; i += 2) {
    const r = Math.sqrt(-2 * Math.log(uniform(i))), angle = 2 * Math.PI * uniform(i + 1);
    out[i] = r * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = r * Math.sin(angle);
  }
  return out;
}

// noiseOf keeps the last noise, so that the slider only scales it.
let noises = new Map(), noiseSeed = -1;
function noiseOf(layer, n) {
  if (noiseSeed !== state.seed) [noises, noiseSeed] = [new Map(), state.seed];
  if (!noises.has(layer) || noises.get(layer).length !== n) noises.set(layer, normal(state.seed, layer, n));
  return noises.get(layer);
}

// plan is what of the state can be broken in a network.
function plan(net) {
  const off = state.off.filter(key => {
    const [l, j] = key.split('.').map(Number);
    return l >= 1 && l <= net.hidden && j < net.layers[l - 1].units;
  });
  return {off, start: state.startless && net.start, sigma: state.noise / 100};
}

// broken is a network with what the state says taken from it, in the same numbers as inspect.Net.Break.
function broken(net, {off, start, sigma}) {
  const layers = net.layers.map(l => ({w: l.w.slice(), b: l.b.slice()})), more = {};
  if (start) {
    const {w} = layers[0];
    for (let i = 0; i < w.length; i++) w[i] = w[i] - net.gamma * net.w0[i];
    more.gamma = 0;
    if (net.then) more.then = {w: net.then.w.map((v, i) => v - net.then.gamma * net.w0[i]), gamma: 0};
  }
  if (sigma > 0) layers.forEach(({w}, l) => {
    let mean = 0, square = 0;
    for (const v of w) mean += v;
    mean /= w.length;
    for (const v of w) square += (v - mean) * (v - mean);
    const scale = sigma * Math.sqrt(square / w.length), n = noiseOf(l, w.length);
    for (let i = 0; i < w.length; i++) w[i] = w[i] + scale * n[i];
  });
  for (let l = 1; l <= net.hidden; l++) {
    const some = off.filter(key => key.startsWith(`${l}.`)).map(key => Number(key.split('.')[1])).sort((a, b) => a - b);
    if (!some.length) continue;
    const {w, b} = layers[l], mean = zero() ? null : net.seen.get(l - 1).mean;
    for (let k = 0; k < b.length; k++) {
      let z = b[k];
      if (mean) for (const j of some) z += mean[j] * w[j * b.length + k];
      b[k] = z;
    }
    for (const j of some) w.fill(0, j * b.length, (j + 1) * b.length);
  }
  const q = new URLSearchParams(net.query);
  if (off.length) q.set('off', off.join());
  if (off.length && zero()) q.set('at', 'zero');
  if (start) q.set('start', 'out');
  if (sigma > 0) {
    q.set('noise', sigma);
    q.set('seed', state.seed);
  }
  return net.like(layers, {...more, query: String(q)});
}

// apply makes now.net of now.moment, and calls changed. What neurons give that are off has to be asked for first.
export async function apply(changed) {
  const {moment, place} = now, what = plan(moment), mine = ++latest;
  const whole = !what.off.length && !what.start && !(what.sigma > 0);
  if (!whole && !zero()) {
    try {
      for (const l of new Set(what.off.map(key => Number(key.split('.')[0]) - 1))) if (!moment.seen.has(l)) await moment.look(place, l);
    } catch (err) {
      if (mine === latest) setText($('break-says'), err.message);
      return;
    }
    if (mine !== latest || moment !== now.moment) return; // something else is wanted by now
  }
  list();
  const key = JSON.stringify([what, zero(), state.seed]);
  if (last.moment === moment && last.key === key) return;
  last = {moment, key};
  now.net = whole ? moment : broken(moment, what);
  now.seen = now.net.seen;
  measure();
  changed();
}

// measure asks how accurate the network is on the test images; one question at a time.
async function measure() {
  if (!now.end.tests) setText($('break-says'), now.net === now.moment ? 'Nothing is broken.' : `How accurate it is now is not known: ${now.end.no_tests}`);
  if (asking || !now.end.tests || now.lesson && now.lesson.state === 'plays') return;
  asking = true;
  try {
    while (now.net !== now.moment && now.measured !== now.net) {
      const {net, place} = now;
      now.measured = net;
      const a = await ask(net.path(place, 'broken'));
      if (net !== now.net) continue;
      setText($('break-says'), `Test accuracy on ${a.images.toLocaleString('en')} images: ${fixed(100 * a.accuracy, 2)} %; the whole network’s ${fixed(100 * a.whole, 2)} % (${signed(100 * (a.accuracy - a.whole), 2)} points).`);
      now.told = net;
    }
  } catch (err) {
    setText($('break-says'), err.message);
  }
  asking = false;
  if (now.net === now.moment) setText($('break-says'), 'Nothing is broken.');
}

// build makes the controls; changed is called when now.net is another network.
export function build(changed) {
  const {end} = now, again = () => apply(changed);
  drawn = '';
  parts = {
    toggle: button('', () => toggle(again), {'aria-keyshortcuts': 'x', hidden: !end.hidden}),
    all: button('All on', () => { state.off = []; again(); }, {hidden: !end.hidden}),
    noise: el('input', {type: 'range', id: 'noise', min: 0, max: 200, step: 5, value: state.noise, oninput: e => { state.noise = Number(e.target.value); again(); }}),
    says: el('output', {for: 'noise'}),
    other: button('Other noise', () => { state.seed = state.seed >= 9999999 ? 0 : state.seed + 1; again(); }),
  };
  $('break-tools').replaceChildren(...[
    parts.toggle, parts.all,
    end.hidden && end.tests ? choice('still', 'A neuron that is off gives', [['mean', 'off = its mean'], ['zero', 'off = 0']], state.still, v => { state.still = v; again(); }) : '',
    end.start ? el('label', {title: 'The first layer becomes W − γW₀'}, el('input', {type: 'checkbox', id: 'startless', checked: state.startless, onchange: e => { state.startless = e.target.checked; again(); }}), 'start taken out') : '',
    el('span', {class: 'noise'}, el('label', {for: 'noise'}, 'Noise'), parts.noise, parts.says, parts.other),
  ].filter(Boolean));
  parts.again = again;
  apply(changed);
}

// listen has the key x switch the neuron of the grid off and on.
export function listen() {
  $('grid').addEventListener('keydown', e => {
    if (e.key.toLowerCase() !== 'x' || e.ctrlKey || e.metaKey || e.altKey || !parts) return;
    e.preventDefault();
    toggle(parts.again);
  });
}

function toggle(again) {
  const key = nameOf(state.layer, neuron());
  if (!state.off.includes(key) && state.off.length >= most) return;
  state.off = state.off.includes(key) ? state.off.filter(k => k !== key) : [...state.off, key];
  again();
}

// list shows which neurons are off, and how much noise there is.
function list() {
  parts.all.disabled = !state.off.length;
  const deviations = fixed(state.noise / 100, 2);
  setText(parts.says, state.noise ? `σ ${deviations}, seed ${state.seed}` : 'none');
  parts.noise.setAttribute('aria-valuetext', state.noise ? `${deviations} standard deviations of each layer’s weights` : 'none');
  parts.other.disabled = !state.noise;
  const {off} = plan(now.moment);
  if (drawn === off.join()) return;
  const had = [...$('off').querySelectorAll('button')].indexOf(document.activeElement);
  drawn = off.join();
  $('off').replaceChildren(...off.map(key => el('li', {}, button(shownName(key), () => {
    state.off = state.off.filter(k => k !== key);
    parts.again();
  }, {'aria-label': `Switch neuron ${shownName(key)} on again`}))));
  $('off').hidden = !off.length;
  if (had < 0) return;
  const left = $('off').querySelectorAll('button');
  (left[Math.min(had, left.length - 1)] || parts.toggle).focus({preventScroll: true});
}

// draw says what the button does to the neuron that is looked at.
export function draw() {
  const l = state.layer, j = neuron();
  if (now.net.hidden) setText(parts.toggle, `Switch neuron ${shownName(nameOf(l, j))} ${isOff(l, j) ? 'on' : 'off'}`);
}
