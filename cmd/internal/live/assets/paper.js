// Paper: a panel of the page as a picture of its own, with a title and a caption, for saving.
import {el} from './tools.js';
import {themed} from './paint.js';

const wide = 1400, edge = 48, size = 24, family = 'px system-ui, "Segoe UI", Roboto, sans-serif';

// A block is a function of the drawing context that returns {high, draw(y)}.

// text is a paragraph.
export const text = (what, {big = 1, bold = false, soft = false} = {}) => ctx => {
  const font = `${bold ? 'bold ' : ''}${Math.round(size * big)}${family}`, lines = [];
  ctx.font = font;
  for (const word of what.split(/\s+/)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && ctx.measureText(longer).width <= wide - 2 * edge) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const step = Math.round(size * big * 1.4);
  return {high: lines.length * step, draw: y => {
    ctx.font = font;
    ctx.fillStyle = themed(soft ? '--soft' : '--text');
    lines.forEach((line, i) => ctx.fillText(line, edge, y + (i + 0.75) * step));
  }};
};

// images are canvases side by side, each as wide as is said, with words below; of whole pixels as far as they go.
export const images = all => ctx => {
  const gap = 28, rows = [[]];
  let x = edge;
  for (const i of all) {
    const {width, height} = i.canvas, side = Math.min(i.wide, wide - 2 * edge), whole = Math.floor(side / width);
    const w = whole >= 1 && !i.smooth ? whole * width : side, h = Math.max(1, Math.round(w * height / width));
    if (x > edge && x + w > wide - edge) {
      rows.push([]);
      x = edge;
    }
    rows.at(-1).push({...i, x, w, h});
    x += Math.max(w, i.text ? 150 : 0) + gap;
  }
  const highs = rows.map(r => Math.max(...r.map(i => i.h + (i.text ? 34 : 0))) + 12);
  return {high: highs.reduce((s, h) => s + h, 0), draw: y => {
    rows.forEach((row, n) => {
      for (const i of row) {
        ctx.imageSmoothingEnabled = Boolean(i.smooth);
        ctx.drawImage(i.canvas, i.x, y, i.w, i.h);
        ctx.strokeStyle = themed('--line');
        if (!i.smooth) ctx.strokeRect(i.x - 0.5, y - 0.5, i.w + 1, i.h + 1);
        ctx.font = `18${family}`;
        ctx.fillStyle = themed('--soft');
        if (i.text) ctx.fillText(i.text, i.x, y + i.h + 24);
      }
      y += highs[n];
    });
  }};
};

// bars are rows of a name, pictures, a bar (a share of −1 to 1) and a number.
export const bars = rows => ctx => {
  const high = rows.some(r => r.pictures && r.pictures.length) ? 92 : 40;
  return {high: rows.length * high, draw: y => {
    ctx.font = `${size}${family}`;
    const name = Math.max(60, ...rows.map(r => ctx.measureText(r.name).width)) + 20;
    for (const r of rows) {
      let x = edge + name;
      const middle = y + high / 2;
      ctx.fillStyle = themed('--text');
      ctx.fillText(r.name, edge, middle + 8);
      for (const c of r.pictures || []) {
        ctx.imageSmoothingEnabled = false;
        const h = high - 8, w = Math.round(h * c.width / c.height);
        ctx.drawImage(c, x, y + 4, w, h);
        x += w + 16;
      }
      const room = wide - edge - 150 - x;
      ctx.fillStyle = themed('--faint');
      ctx.fillRect(x, middle - 12, room, 24);
      ctx.fillStyle = themed(r.share < 0 ? '--cold' : '--warm');
      ctx.fillRect(x, middle - 12, Math.min(1, Math.abs(r.share)) * room, 24);
      ctx.fillStyle = themed('--text');
      ctx.textAlign = 'right';
      ctx.fillText(r.number, wide - edge, middle + 8);
      ctx.textAlign = 'left';
      y += high;
    }
  }};
};

// paper draws blocks below each other on a canvas.
export function paper(blocks) {
  const c = el('canvas'), ctx = c.getContext('2d'), all = blocks.filter(Boolean).map(b => b(ctx)), gap = 12;
  Object.assign(c, {width: wide, height: all.reduce((s, b) => s + b.high + gap, 2 * edge)});
  ctx.fillStyle = themed('--page');
  ctx.fillRect(0, 0, c.width, c.height);
  let y = edge;
  for (const b of all) {
    b.draw(y);
    y += b.high + gap;
  }
  return c;
}
