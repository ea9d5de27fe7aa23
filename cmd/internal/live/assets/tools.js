// Small helpers of all modules: elements, numbers in words, answers of the server.
import {kept, still} from './still.js';

export const $ = id => document.getElementById(id);

// el makes an element; onEVENT is a listener, and null, undefined and false leave an attribute out.
export function el(tag, attrs, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat(3).filter(c => c !== null && c !== undefined && c !== false));
  return e;
}

const minus = s => s.replace('-', '−');
const missing = v => v === null || v === undefined || !Number.isFinite(v);

// fixed writes a number with so many decimals, and what rounds to nothing without a sign.
export function fixed(v, decimals = 2) {
  if (missing(v)) return '–';
  const s = v.toFixed(decimals);
  return minus(Number(s) === 0 ? s.replace('-', '') : s);
}

// signed writes a plus too.
export const signed = (v, decimals = 2) => (fixed(v, decimals).startsWith('−') || missing(v) || Number(v.toFixed(decimals)) === 0 ? '' : '+') + fixed(v, decimals);

// digits writes a number with so many significant digits.
export const digits = (v, n = 3) => missing(v) ? '–' : minus(String(Number(v.toPrecision(n))));

export const range = n => Array.from({length: n}, (_, i) => i);

// descending are the indices of numbers from the largest to the smallest.
export const descending = v => range(v.length).sort((a, b) => v[b] - v[a] || a - b);

export const largest = v => v.reduce((m, x) => Math.max(m, Math.abs(x)), 0);

// setText changes what stands in an element only when that is something else, so that a screen reader hears no echo.
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// choice makes radio buttons; pick is called with the value chosen.
export function choice(name, legend, options, value, pick) {
  return el('fieldset', {}, el('legend', {}, legend), options.map(([v, text]) =>
    el('label', {}, el('input', {type: 'radio', name, value: v, checked: v === value, onchange: () => pick(v)}), text)));
}

// select makes a drop-down list.
export function select(label, options, value, pick) {
  return el('label', {}, label, el('select', {onchange: e => pick(e.target.value)},
    options.map(([v, text]) => el('option', {value: v, selected: String(v) === String(value)}, text))));
}

export const button = (text, onclick, attrs) => el('button', {type: 'button', onclick, ...attrs}, text);

// ask asks the server about the runs; a refusal is an error in its words.
export const ask = async path => still ? kept(path) : askAt('/api/runs' + path);

// post has the server change a training, which a path behind that of all trainings names.
export const post = (path, body = {}) => askAt('/api/lessons' + path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});

export async function askAt(address, how) {
  let answer;
  try {
    answer = await fetch(address, how);
  } catch {
    throw new Error('The server does not answer. If it has ended, start neuroloupe serve again.');
  }
  const json = (answer.headers.get('Content-Type') || '').startsWith('application/json');
  if (!answer.ok) throw new Error(json ? (await answer.json()).error : await answer.text());
  return json ? answer.json() : answer.arrayBuffer();
}

export function bytes(base64) {
  const text = atob(base64.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, c => c.charCodeAt(0));
}

export const base64 = b => btoa(String.fromCharCode(...b)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
