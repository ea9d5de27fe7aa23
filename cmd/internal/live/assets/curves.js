// Curves: loss and accuracy over the epochs.
import {$, digits, fixed} from './tools.js';
import {fitted} from './paint.js';

const pad = {left: 44, right: 8, top: 6, bottom: 20};
let drawn = [[], 1];

// curves draws what is known of the epochs; of is how many there are to be.
export function curves(epochs, of) {
  drawn = [epochs, of];
  const x = Math.min(of, Math.max(5, epochs.length)), last = epochs.at(-1);
  plot($('loss-curve'), x, [['loss', '--warm', 'training'], ['test_loss', '--cold', 'test']], epochs, v => v, 0);
  plot($('accuracy-curve'), x, [['train_accuracy', '--warm', 'training'], ['test_accuracy', '--cold', 'test']], epochs, v => 100 * v);
  const says = last ? `after epoch ${last.epoch}: training loss ${digits(last.loss, 3)}, test accuracy ${last.test_accuracy === undefined ? 'not measured' : `${fixed(100 * last.test_accuracy, 2)} %`}` : 'no epoch has ended';
  $('loss-curve').setAttribute('aria-label', `Loss over the epochs; ${says}`);
  $('accuracy-curve').setAttribute('aria-label', `Accuracy over the epochs; ${says}`);
}

// again draws them when the size or the theme is another.
export const again = () => curves(...drawn);

function plot(canvas, epochs, lines, rows, scaled, least) {
  const {ctx, width, height, themed} = fitted(canvas);
  if (width < 80) return;
  const all = rows.flatMap(r => lines.map(([k]) => r[k])).filter(Number.isFinite).map(scaled);
  let low = least ?? Math.min(...all), high = Math.max(...all);
  if (!all.length) [low, high] = [0, 1];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const X = e => pad.left + (width - pad.left - pad.right) * (e - 1) / Math.max(1, epochs - 1);
  const Y = v => pad.top + (height - pad.top - pad.bottom) * (high - v) / (high - low);
  ctx.font = '12px system-ui, sans-serif';
  ctx.fillStyle = themed('--soft');
  ctx.strokeStyle = themed('--line');
  ctx.lineWidth = 1;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  for (const v of [low, (low + high) / 2, high]) {
    ctx.beginPath();
    ctx.moveTo(pad.left, Y(v));
    ctx.lineTo(width - pad.right, Y(v));
    ctx.stroke();
    if (all.length) ctx.fillText(digits(v, 3), pad.left - 5, Y(v));
  }
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = 'left';
  ctx.fillText('epoch 1', pad.left, height - 5);
  ctx.textAlign = 'right';
  ctx.fillText(String(epochs), width - pad.right, height - 5);
  for (const [key, colour] of lines) {
    ctx.strokeStyle = ctx.fillStyle = themed(colour);
    ctx.lineWidth = 2;
    ctx.beginPath();
    rows.forEach((r, i) => Number.isFinite(r[key]) && ctx[i ? 'lineTo' : 'moveTo'](X(r.epoch), Y(scaled(r[key]))));
    ctx.stroke();
    const end = rows.at(-1);
    if (end && Number.isFinite(end[key])) {
      ctx.beginPath();
      ctx.arc(X(end.epoch), Y(scaled(end[key])), 3, 0, 2 * Math.PI);
      ctx.fill();
    }
  }
}
