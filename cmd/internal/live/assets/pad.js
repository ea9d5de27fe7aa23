// The pad: what is drawn on it with a mouse, a finger, a pen or the keyboard, and the image that comes of it.
import {$} from './tools.js';
import {Ink, unit} from './ink.js';
import {fitted, ink as paintInk} from './paint.js';

const usual = 86, thinnest = 30, thickest = 260;

// Pad draws strokes; changed is called after each change, with whether the strokes are a person's own now.
export class Pad {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.width = usual;
    this.centred = true;
    this.shown = null; // an image that lies on the pad in place of strokes
    this.pen = {x: 500, y: 500, down: false, seen: false};
    canvas.addEventListener('pointerdown', e => this.down(e));
    canvas.addEventListener('pointermove', e => this.move(e));
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { this.drawing = null; });
    canvas.addEventListener('keydown', e => this.key(e));
    canvas.addEventListener('blur', () => { this.pen.seen = this.pen.down = false; this.paint(); });
  }

  // fit takes the size of the images of a network.
  fit(rows, cols) {
    if (this.ink && this.rows === rows && this.cols === cols) return;
    Object.assign(this, {rows, cols, ink: new Ink(rows, cols)});
    this.high = Math.round(unit * rows / Math.max(rows, cols));
    this.wide = Math.round(unit * cols / Math.max(rows, cols));
    this.canvas.style.aspectRatio = `${cols} / ${rows}`;
    this.pen.x = this.wide >> 1; this.pen.y = this.high >> 1;
    this.redraw();
  }

  redraw() {
    this.ink.clear();
    for (const s of this.strokes) this.ink.stroke(s);
  }

  set(strokes) {
    this.strokes = strokes;
    this.shown = null;
    this.drawing = null;
    this.redraw();
  }

  // show lays an image on the pad, an array of bytes.
  show(image) {
    this.set([]);
    this.shown = image;
  }

  image() { return this.ink.image(this.rows, this.cols, this.centred); }

  at(e) {
    const r = this.canvas.getBoundingClientRect();
    return [Math.round((e.clientX - r.left) / r.width * this.wide), Math.round((e.clientY - r.top) / r.height * this.high)];
  }

  begin(x, y) {
    if (this.shown) this.set([]);
    this.drawing = {w: this.width, p: [x, y]};
    this.strokes.push(this.drawing);
    this.ink.stroke(this.drawing);
    this.changed(true);
  }

  add(points) {
    const from = this.drawing.p.length / 2;
    for (const [x, y] of points) {
      const p = this.drawing.p;
      if (p.at(-2) !== x || p.at(-1) !== y) p.push(x, y);
    }
    this.ink.stroke(this.drawing, from);
    this.changed(true);
  }

  down(e) {
    if (e.button !== 0 || this.drawing) return;
    e.preventDefault();
    this.canvas.focus({preventScroll: true});
    this.canvas.setPointerCapture(e.pointerId);
    this.pen.seen = false;
    this.begin(...this.at(e));
    this.pointer = e.pointerId;
  }

  move(e) {
    if (!this.drawing || e.pointerId !== this.pointer) return;
    const all = e.getCoalescedEvents ? e.getCoalescedEvents() : [];
    this.add((all.length ? all : [e]).map(p => this.at(p)));
  }

  key(e) {
    const far = e.shiftKey ? 100 : 25, d = {ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far]}[e.key];
    if (e.ctrlKey || e.metaKey || e.altKey) {
      if ((e.ctrlKey || e.metaKey) && e.key === 'z') { e.preventDefault(); this.undo(); }
      return;
    }
    const pen = this.pen;
    if (d) {
      pen.seen = true;
      pen.x = Math.max(0, Math.min(this.wide, pen.x + d[0]));
      pen.y = Math.max(0, Math.min(this.high, pen.y + d[1]));
      if (pen.down) this.add([[pen.x, pen.y]]);
    } else if (e.key === ' ' || e.key === 'Enter') {
      pen.seen = true;
      pen.down = !pen.down;
      if (pen.down) this.begin(pen.x, pen.y);
      else this.drawing = null;
    } else if (e.key === 'Backspace') this.undo();
    else return;
    e.preventDefault();
    this.paint();
  }

  undo() {
    if (this.shown) this.shown = null;
    else this.strokes.pop();
    this.drawing = null;
    this.pen.down = false;
    this.redraw();
    this.changed(true);
  }

  clear() {
    this.set([]);
    this.pen.down = false;
    this.changed(true);
  }

  // thicken makes the pen, and what is drawn, thicker or thinner.
  thicken(by) {
    const scaled = w => Math.max(thinnest, Math.min(thickest, Math.round(w * by)));
    this.width = scaled(this.width);
    for (const s of this.strokes) s.w = scaled(s.w);
    this.redraw();
    this.changed(this.strokes.length > 0);
  }

  paint() {
    if (!this.ink) return;
    const {ctx, width, height, themed} = fitted(this.canvas), scale = width / this.wide;
    if (this.shown) {
      this.small ||= document.createElement('canvas');
      paintInk(this.small, this.shown, this.rows, this.cols);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(this.small, 0, 0, width, height);
    }
    ctx.strokeStyle = ctx.fillStyle = themed('--text');
    ctx.lineCap = ctx.lineJoin = 'round';
    for (const s of this.strokes) {
      ctx.lineWidth = s.w * scale;
      ctx.beginPath();
      ctx.moveTo(s.p[0] * scale, s.p[1] * scale);
      for (let i = 2; i < s.p.length; i += 2) ctx.lineTo(s.p[i] * scale, s.p[i + 1] * scale);
      if (s.p.length === 2) ctx.lineTo(s.p[0] * scale, s.p[1] * scale);
      ctx.stroke();
    }
    if (!this.strokes.length && !this.shown) {
      ctx.fillStyle = themed('--soft');
      ctx.font = '1rem system-ui, sans-serif';
      ctx.textAlign = 'center';
      ctx.fillText('draw here', width / 2, height / 2);
    }
    if (this.pen.seen && document.activeElement === this.canvas) {
      ctx.lineWidth = 3;
      ctx.strokeStyle = themed(this.pen.down ? '--warm' : '--focus');
      ctx.beginPath();
      ctx.arc(this.pen.x * scale, this.pen.y * scale, Math.max(6, this.width * scale / 2), 0, 2 * Math.PI);
      ctx.stroke();
    }
  }
}

// sees draws what the network sees.
export const sees = (image, rows, cols) => paintInk($('sees'), image, rows, cols);
