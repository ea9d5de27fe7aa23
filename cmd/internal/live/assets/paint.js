// Colours and canvases.
import {bytes, digits, el} from './tools.js';

// look is what the pictures are drawn with: colour maps by name, the one chosen; and who is told that a size has changed.
export const look = {palettes: new Map(), colours: '', resized: null};

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

export function themed(name) {
  const key = name + isDark();
  if (!resolved.has(key)) {
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(${name})`;
    resolved.set(key, getComputedStyle(probe).color);
  }
  return resolved.get(key);
}

// inks is the palette, 255 colours of −1 to 1, as words that image data takes whole.
let inked = '', words = null;

function inks() {
  const which = look.colours + isDark();
  if (which !== inked) {
    const colour = palette(), b = new Uint8ClampedArray(4 * 255).fill(255);
    for (let i = 0; i < 255; i++) b.set(colour.subarray(3 * i, 3 * i + 3), 4 * i);
    [inked, words] = [which, new Uint32Array(b.buffer)];
  }
  return words;
}

const step = t => t >= 1 ? 254 : t <= -1 ? 0 : t >= 0 ? 127 + (127 * t + 0.5 | 0) : 127 - (0.5 - 127 * t | 0);
const wordsOf = img => img.words ||= new Uint32Array(img.data.buffer);

// mapInto draws a map, rows×cols, into image data at x, y. What is no number is neutral.
export function mapInto(img, values, limit, cols, x, y) {
  const out = wordsOf(img), colour = inks(), scale = limit > 0 ? 1 / limit : 0, rows = values.length / cols;
  for (let r = 0, p = 0; r < rows; r++) for (let c = 0, at = (y + r) * img.width + x; c < cols; c++) out[at++] = colour[step(values[p++] * scale)];
}

// block fills a part of image data with the colour of a value in [−1, 1], or with nothing for null.
export function block(img, t, x, y, wide, high) {
  const out = wordsOf(img), colour = t === null ? 0 : inks()[step(t)];
  for (let r = 0; r < high; r++) out.fill(colour, (y + r) * img.width + x, (y + r) * img.width + x + wide);
}

// strike strikes a part of a canvas through: a dark line in a light one, so that it is seen on every map.
export function strike(ctx, x, y, wide, high) {
  for (const [colour, width] of [['--page', 3.4], ['--text', 1.4]]) {
    ctx.strokeStyle = themed(colour);
    ctx.lineWidth = width * wide / 28;
    ctx.beginPath();
    ctx.moveTo(x, y + high);
    ctx.lineTo(x + wide, y);
    ctx.moveTo(x, y);
    ctx.lineTo(x + wide, y + high);
    ctx.stroke();
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
  const img = canvas.img && canvas.img.width === cols && canvas.img.height === rows ? canvas.img : canvas.img = ctx.createImageData(cols, rows);
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

// Sizes are noted when they change: to ask an element for its size in the midst of drawing has the browser lay out the
// page each time.
const sizes = new WeakMap();
const watcher = new ResizeObserver(entries => {
  for (const e of entries) sizes.set(e.target, {width: e.target.clientWidth, height: e.target.clientHeight});
  if (look.resized) look.resized();
});

export function sizeOf(e) {
  if (!sizes.has(e)) {
    sizes.set(e, {width: e.clientWidth, height: e.clientHeight});
    watcher.observe(e);
  }
  return sizes.get(e);
}

// fitted makes a canvas as fine as the screen; what is drawn on it is in CSS pixels.
export function fitted(canvas) {
  const ratio = Math.min(3, devicePixelRatio || 1), {width, height} = sizeOf(canvas);
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
