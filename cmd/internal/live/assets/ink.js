// Ink: strokes drawn on a fine grid, and made into an image as MNIST's were.

// A stroke is {w, p}: its width and its points x, y, x, y …, in thousandths of the pad's longer side.
export const unit = 1000;
const fine = 10; // cells of the grid for a pixel of the image

// Ink is the strokes on the grid. It draws its own lines, so that the same strokes give the same image in every browser.
export class Ink {
  constructor(rows, cols) {
    this.rows = rows * fine;
    this.cols = cols * fine;
    this.scale = Math.max(this.rows, this.cols) / unit;
    this.cells = new Float32Array(this.rows * this.cols);
    this.clear();
  }

  clear() {
    this.cells.fill(0);
    Object.assign(this, {left: this.cols, right: 0, top: this.rows, bottom: 0}); // of what is inked
  }

  // stroke draws a stroke from a point on, 0 being the first.
  stroke(s, from = 0) {
    const n = s.p.length / 2;
    for (let i = Math.max(0, from - 1); i < n; i++) {
      const next = Math.min(n - 1, i + 1);
      if (n > 1 && next === i) break;
      this.line(s.p[2 * i], s.p[2 * i + 1], s.p[2 * next], s.p[2 * next + 1], s.w / 2);
    }
  }

  // line inks what is nearer to a line than r, a cell at the edge by half.
  line(x0, y0, x1, y1, r) {
    [x0, y0, x1, y1, r] = [x0, y0, x1, y1, r].map(v => v * this.scale);
    const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - r - 1)), right = Math.min(this.cols, Math.ceil(Math.max(x0, x1) + r + 1));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - r - 1)), bottom = Math.min(this.rows, Math.ceil(Math.max(y0, y1) + r + 1));
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
      const px = x + 0.5 - x0, py = y + 0.5 - y0;
      const t = length > 0 ? Math.max(0, Math.min(1, (px * dx + py * dy) / length)) : 0;
      const v = Math.min(1, r + 0.5 - Math.hypot(px - t * dx, py - t * dy)), at = y * this.cols + x;
      if (v <= this.cells[at]) continue;
      this.cells[at] = v;
      if (v <= 0.1) continue;
      if (x < this.left) this.left = x;
      if (x >= this.right) this.right = x + 1;
      if (y < this.top) this.top = y;
      if (y >= this.bottom) this.bottom = y + 1;
    }
  }

  // image is the image that the network is to see, a byte per pixel. Centred, as the pictures of MNIST are: the ink is
  // scaled into a box of 20×20 of the 28×28, its shape kept, and moved by whole pixels so that its centre of mass lies
  // in the middle (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").
  image(rows, cols, centred) {
    const out = new Uint8Array(rows * cols);
    if (!centred) {
      const all = resample(this.cells, this.cols, 0, 0, this.cols, this.rows, cols, rows);
      return out.map((_, i) => Math.round(255 * all[i]));
    }
    const {left, right, top, bottom} = this;
    if (right <= left) return out;
    const box = Math.max(1, Math.round(Math.min(rows, cols) * 20 / 28)), scale = box / Math.max(right - left, bottom - top);
    const wide = Math.max(1, Math.round((right - left) * scale)), high = Math.max(1, Math.round((bottom - top) * scale));
    const small = resample(this.cells, this.cols, left, top, right, bottom, wide, high);
    let mass = 0, mx = 0, my = 0;
    for (let y = 0, at = 0; y < high; y++) for (let x = 0; x < wide; x++, at++) {
      mass += small[at]; mx += small[at] * (x + 0.5); my += small[at] * (y + 0.5);
    }
    const place = (size, centre, of) => Math.max(0, Math.min(of - size, Math.round(of / 2 - centre)));
    const dx = place(wide, mx / mass, cols), dy = place(high, my / mass, rows);
    for (let y = 0, at = 0; y < high; y++) for (let x = 0; x < wide; x++, at++) out[(y + dy) * cols + x + dx] = Math.round(255 * small[at]);
    return out;
  }
}

// resample makes wide×high pixels of a part of the cells, each the mean of the cells that it covers.
function resample(cells, stride, left, top, right, bottom, wide, high) {
  const across = new Float64Array((bottom - top) * wide), out = new Float64Array(wide * high);
  for (const [x, i, share] of shares(right - left, wide)) for (let y = 0; y < bottom - top; y++) across[y * wide + x] += share * cells[(y + top) * stride + left + i];
  for (const [y, i, share] of shares(bottom - top, high)) for (let x = 0; x < wide; x++) out[y * wide + x] += share * across[i * wide + x];
  return out;
}

// shares says how much each of n cells counts for each of m pixels.
function shares(n, m) {
  const out = [], size = n / m;
  for (let p = 0; p < m; p++) for (let i = Math.floor(p * size); i < Math.min(n, Math.ceil((p + 1) * size)); i++) {
    const share = (Math.min(i + 1, (p + 1) * size) - Math.max(i, p * size)) / size;
    if (share > 0) out.push([p, i, share]);
  }
  return out;
}

// Strokes in an address: widths and points in base 36, the points after the first as what they differ by.
export const written = strokes => strokes.map(s => [s.w, ...s.p.map((v, i) => i < 2 ? v : v - s.p[i - 2])].map(v => v.toString(36)).join('.')).join('_');

export function read(text) {
  return text.split('_').filter(Boolean).slice(0, 200).map(part => {
    const [w, ...d] = part.split('.').slice(0, 4001).map(v => parseInt(v, 36));
    const p = [];
    d.slice(0, d.length & ~1).forEach((v, i) => p.push(i < 2 ? v : v + p[i - 2]));
    return {w, p};
  }).filter(s => s.w > 0 && s.w <= unit && s.p.length >= 2 && s.p.every(v => v >= -unit && v <= 2 * unit));
}

// fromBitmap makes an image of a picture: white on black as it is, dark ink on light paper turned round, ink on nothing
// by its opacity. It fits into the image with its shape kept.
export function fromBitmap(bitmap, rows, cols) {
  const c = new OffscreenCanvas(bitmap.width, bitmap.height), ctx = c.getContext('2d', {willReadFrequently: true});
  ctx.drawImage(bitmap, 0, 0);
  const {data, width, height} = ctx.getImageData(0, 0, bitmap.width, bitmap.height);
  const n = width * height, light = new Float32Array(n);
  let clear = 0, edge = 0, edges = 0;
  for (let i = 0; i < n; i++) {
    light[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    if (data[4 * i + 3] < 128) clear++;
  }
  for (let i = 0; i < n; i++) {
    if (clear) light[i] = data[4 * i + 3] / 255;
    const x = i % width, y = Math.floor(i / width);
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) { edge += light[i]; edges++; }
  }
  if (edge / edges > 0.5) for (let i = 0; i < n; i++) light[i] = 1 - light[i];
  const scale = Math.min(cols / width, rows / height), wide = Math.max(1, Math.round(width * scale)), high = Math.max(1, Math.round(height * scale));
  const small = resample(light, width, 0, 0, width, height, wide, high), out = new Uint8Array(rows * cols);
  const dx = (cols - wide) >> 1, dy = (rows - high) >> 1;
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) out[(y + dy) * cols + x + dx] = Math.round(255 * small[y * wide + x]);
  return out;
}
