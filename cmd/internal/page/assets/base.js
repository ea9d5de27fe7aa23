// The document, and small helpers.
const doc = JSON.parse(document.getElementById('data').textContent);
const pixels = doc.rows * doc.cols;
const $ = id => document.getElementById(id);

// el makes an element; style is an object, onEVENT a listener, and null, undefined and false leave an attribute out.
function el(tag, attrs, ...children) {
  const e = document.createElement(tag);
  fill(e, attrs, children);
  return e;
}

// svg does the same for SVG.
function svg(tag, attrs, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  fill(e, attrs, children);
  return e;
}

function fill(e, attrs, children) {
  for (const [name, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'style') for (const [k, v] of Object.entries(value)) e.style.setProperty(k, v);
    else if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat(3).filter(c => c !== null && c !== undefined && c !== false));
}

const missing = v => v === null || v === undefined || Number.isNaN(v);
const minus = s => s.replace('-', '−');

// fixed writes a number with so many decimals, and what rounds to nothing without a sign.
function fixed(v, decimals = 2) {
  if (missing(v)) return '–';
  const s = v.toFixed(decimals);
  return minus(Number(s) === 0 ? s.replace('-', '') : s);
}

// digits writes a number with so many significant digits.
function digits(v, n = 3) {
  if (missing(v)) return '–';
  return minus(String(Number(v.toPrecision(n))));
}

const percent = (v, decimals = 1) => missing(v) ? '–' : fixed(100 * v, decimals) + ' %';
const points = v => missing(v) ? '–' : (v > 0 ? '+' : '') + fixed(100 * v, 2);
const count = (n, thing) => n.toLocaleString('en') + ' ' + thing + (n === 1 ? '' : 's');
const range = n => Array.from({length: n}, (_, i) => i);
const className = k => doc.classes[k];
const neuronName = (layer, j) => doc.layers.length > 1 ? `${layer.number}.${j}` : String(j);
const neuronLink = (layer, j) => `#neuron-${layer.number}-${j}`;

// descending returns the indices of numbers from the largest to the smallest, those that are missing last.
function descending(v) {
  const key = i => missing(v[i]) ? -Infinity : v[i];
  return range(v.length).sort((a, b) => key(b) === key(a) ? a - b : key(b) > key(a) ? 1 : -1);
}

function bytes(base64) {
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

function floats(base64) {
  const b = new DataView(bytes(base64).buffer);
  return Float32Array.from({length: b.byteLength / 4}, (_, i) => b.getFloat32(4 * i, true));
}

// choice makes radio buttons; pick is called with the value chosen.
function choice(name, legend, options, value, pick) {
  return el('fieldset', {}, el('legend', {}, legend), options.map(([v, text]) =>
    el('label', {}, el('input', {type: 'radio', name, value: v, checked: v === value, onchange: () => pick(v)}), text)));
}

// select makes a drop-down list.
function select(label, options, value, pick) {
  return el('label', {}, label, el('select', {onchange: e => pick(e.target.value)},
    options.map(([v, text]) => el('option', {value: v, selected: String(v) === String(value)}, text))));
}

// rebuild replaces what stands in an element; a control that had the focus has it again in its new shape.
function rebuild(e, ...children) {
  const controls = () => [...e.querySelectorAll('a, button, input, select')], at = controls().indexOf(document.activeElement);
  e.replaceChildren(...children);
  if (at >= 0 && controls()[at]) controls()[at].focus({preventScroll: true});
}

// word links a word to its explanation, where there is one.
const word = (name, text) => doc.words[name] ? el('a', {href: '#' + doc.words[name]}, text || name) : text || name;

// current is what is looked at.
const current = {layer: 0, neuron: 0, class: 0, why: 0, against: -1};
const layer = () => doc.layers[current.layer];
