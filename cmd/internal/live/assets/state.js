// What is looked at, and its place in the address: the same address shows the same.
import {read, written} from './ink.js';
import {base64, bytes} from './tools.js';

// state is what a person has chosen. chosen is the class that is asked about and −1 for the answer; not is the class it
// is compared with, −1 for none; epoch is the time, −1 for the end of the training. off are neurons, "layer.neuron", the
// layer from 1; still is what they give; noise is in hundredths of a standard deviation. train is the training that is looked at in the
// place of a run, {data, preset, layers, settings}, and steps how far it was, −1 for wherever it is.
export const state = {
  run: '', layer: 0, neuron: 0, chosen: -1, not: -1, tiles: 'map', view: '', account: 'centred',
  epoch: -1, source: 'strokes', test: 0, strokes: [], pixels: null, centred: true, width: 0,
  off: [], still: 'mean', startless: false, noise: 0, seed: 1,
  train: null, steps: -1,
};

// What is worked out of it: the network looked at, what the image does in it, the names of the runs. end is the network
// handed out, or of a training as it last was, moment that of the time chosen, and net is moment with what is broken taken from it.
export const now = {net: null, end: null, moment: null, place: 0, image: null, pass: null, runs: [], seen: new Map(), peek: -1, lesson: null};

export const neuron = () => now.peek >= 0 ? now.peek : state.neuron;

const words = {tiles: ['map', 'activation', 'product'], view: ['learned', 'raw', 'init'], account: ['centred', 'plain'], source: ['strokes', 'test', 'pixels'], still: ['mean', 'zero']};
const numbers = ['layer', 'neuron', 'chosen', 'not', 'test', 'width', 'epoch'];

// address writes the state behind the #.
export function address() {
  const q = new URLSearchParams(state.train ? {train: JSON.stringify(state.train)} : {run: state.run});
  if (state.train && now.lesson && now.lesson.state !== 'plays') q.set('steps', now.lesson.steps);
  for (const name of Object.keys(words)) if (state[name]) q.set(name, state[name]);
  for (const name of ['layer', 'neuron', 'chosen', 'not', 'epoch']) q.set(name, state[name]);
  if (state.source === 'test') q.set('test', state.test);
  else if (state.source === 'pixels') q.set('pixels', base64(state.pixels));
  else if (state.strokes.length) q.set('strokes', written(state.strokes));
  if (state.width) q.set('width', state.width);
  if (!state.centred) q.set('centred', 'no');
  if (state.off.length) q.set('off', state.off.join());
  if (state.startless) q.set('start', 'out');
  if (state.noise) {
    q.set('noise', state.noise);
    q.set('seed', state.seed);
  }
  return '#' + q;
}

// training reads a training; the server looks at what its settings are.
function training(text) {
  try {
    const t = JSON.parse(text);
    return t && typeof t.preset === 'string' && typeof t.data === 'string' && typeof t.settings === 'object' ?
      {preset: t.preset, data: t.data, layers: Array.isArray(t.layers) ? t.layers : null, settings: t.settings || {}} : null;
  } catch {
    return null;
  }
}

// follow reads it. What makes no sense is left as it is.
export function follow(hash) {
  const q = new URLSearchParams(hash.slice(1));
  if (q.has('run')) state.run = q.get('run');
  state.train = training(q.get('train'));
  state.steps = state.train && /^\d{1,12}$/.test(q.get('steps') || '') ? Number(q.get('steps')) : -1;
  for (const [name, all] of Object.entries(words)) if (all.includes(q.get(name))) state[name] = q.get(name);
  for (const name of numbers) if (/^-?\d{1,7}$/.test(q.get(name) || '')) state[name] = Math.max(-1, Number(q.get(name)));
  if (q.has('strokes')) state.strokes = read(q.get('strokes'));
  state.centred = q.get('centred') !== 'no';
  state.off = [...new Set((q.get('off') || '').split(',').filter(key => /^[1-9]\d{0,3}\.(0|[1-9]\d{0,6})$/.test(key)))].slice(0, 512);
  state.startless = q.get('start') === 'out';
  state.noise = /^\d{1,3}$/.test(q.get('noise') || '') ? Math.min(200, Number(q.get('noise'))) : 0;
  if (/^\d{1,7}$/.test(q.get('seed') || '')) state.seed = Number(q.get('seed'));
  if (q.has('pixels')) {
    try {
      state.pixels = bytes(q.get('pixels'));
    } catch {
      state.pixels = null;
    }
  }
}
