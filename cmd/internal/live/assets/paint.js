// Colours and canvases.
import {bytes, digits, el} from './tools.js';

// look is what the pictures are drawn with: colour maps by name, the one chosen.
export const look = {palettes: new Map(), colours: ''};

export function setColors(colors) {
  for (const c of colors) look.palettes.set(c.name, {light: bytes(c.light), dark: bytes(c.dark)});
  look.colours = colors[0].name;
}

export const systemDark = matchMedia('(prefers-color-scheme: dark)');
export const isDark = () => (document.documentElement.dataset.theme || (systemDark.matches ? 'dark' : 'light')) === 'dark';
const palette = () => look.palettes.get(look.colours)[isDark() ? 'dark' : 'light'];

// themed is a colour of the stylesheet as a canvas takes it. It is asked of an element, because light-dark() is resolved
// only where it is used.
const probe = document.createElement('span'), resolved = new Map();
probe.hidden = true;

function themed(name) {
  const key = name + isDark();
  if (!resolved.has(key)) {
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(${name})`;
    resolved.set(key, getComputedStyle(probe).color);
  }
  return resolved.get(key);
}

// colour gives the colour of a value in [−1, 1] as an index into the palette.
const step = t => 3 * (127 + Math.round(127 * Math.max(-1, Math.min(1, t))));

// mapInto draws a map, rows×cols, into image data at x, y.
export function mapInto(img, values, limit, cols, x, y) {
  const colour = palette();
  for (let p = 0; p < values.length; p++) {
    const c = step(limit > 0 ? values[p] / limit : 0), at = 4 * ((y + Math.floor(p / cols)) * img.width + x + p % cols);
    img.data[at] = colour[c]; img.data[at + 1] = colour[c + 1]; img.data[at + 2] = colour[c + 2]; img.data[at + 3] = 255;
  }
}

// block fills a part of image data with the colour of a value in [−1, 1], or with nothing for null.
export function block(img, t, x, y, wide, high) {
  const colour = palette(), c = t === null ? 0 : step(t);
  for (let b = y; b < y + high; b++) for (let a = x; a < x + wide; a++) {
    const at = 4 * (b * img.width + a);
    if (t === null) { img.data[at + 3] = 0; continue; }
    img.data[at] = colour[c]; img.data[at + 1] = colour[c + 1]; img.data[at + 2] = colour[c + 2]; img.data[at + 3] = 255;
  }
}

// sized gives a canvas its size in pixels, when it has another, and returns what draws on it.
export function sized(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  return canvas.getContext('2d');
}

// map draws a map on a canvas of its own; null is nothing.
export function map(canvas, values, limit, rows, cols) {
  const ctx = sized(canvas, cols, rows);
  if (!values) return ctx.clearRect(0, 0, cols, rows);
  const img = ctx.createImageData(cols, rows);
  mapInto(img, values, limit, cols, 0, 0);
  ctx.putImageData(img, 0, 0);
}

// ink draws an image: dark on a light page, light on a dark one. One of three colours is drawn by their mean.
export function ink(canvas, image, rows, cols) {
  const ctx = sized(canvas, cols, rows), img = ctx.createImageData(cols, rows), channels = image.length / (rows * cols), dark = isDark();
  for (let p = 0; p < rows * cols; p++) {
    let v = 0;
    for (let c = 0; c < channels; c++) v += image[p * channels + c] / channels;
    img.data.fill(dark ? v : 255 - v, 4 * p, 4 * p + 3);
    img.data[4 * p + 3] = 255;
  }
  ctx.putImageData(img, 0, 0);
}

// fitted makes a canvas as fine as the screen; what is drawn on it is in CSS pixels.
export function fitted(canvas) {
  const ratio = Math.min(3, devicePixelRatio || 1), {clientWidth: width, clientHeight: height} = canvas;
  const ctx = sized(canvas, Math.round(width * ratio), Math.round(height * ratio));
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return {ctx, width, height, themed};
}

// legend is a colour bar with its numbers.
export function legend(low, high, text) {
  const c = el('canvas', {'aria-hidden': 'true'}), ctx = sized(c, 255, 1), img = ctx.createImageData(255, 1), colour = palette();
  for (let i = 0; i < 255; i++) img.data.set([colour[3 * i], colour[3 * i + 1], colour[3 * i + 2], 255], 4 * i);
  ctx.putImageData(img, 0, 0);
  return [el('span', {class: 'ramp'}, el('span', {}, digits(low)), c, el('span', {}, digits(high))), el('span', {}, text)];
}
