// The hidden layer: a tile for each neuron, which is chosen by pointing, a tap or the arrow keys.
import {$, choice, digits, fixed, largest, range, select} from './tools.js';
import {asked} from './answer.js';
import {gives, isOff} from './break.js';
import {block, legend, mapInto, sized, sizeOf, strike} from './paint.js';
import {neuron, now, state} from './state.js';

const grid = {columns: 1, drawn: ''};

export const viewText = {learned: 'learned', raw: 'raw', init: 'start'};
const viewSays = {learned: 'what training put there, W − γW₀', raw: 'the weights as they are, W', init: 'the start, W₀'};

// build makes the controls; pick is called when a person has chosen something, with whether it is the layer.
export function build(pick) {
  const {net} = now;
  $('hidden-tools').replaceChildren(
    net.hidden > 1 ? select('Layer', range(net.hidden).map(l => [l, `${l + 1}: ${net.layers[l].units} neurons`]), state.layer, v => { state.layer = Number(v); pick(true); }) : '',
    choice('tiles', 'Tiles', [['map', 'Maps'], ['product', 'Input × weight'], ['activation', 'Activations']].filter(([t]) => state.layer === 0 || t !== 'product'), shown(), v => { state.tiles = v; pick(); }),
    net.views.length > 1 ? choice('view', 'Weights', net.views.map(v => [v, viewText[v]]), state.view, v => { state.view = v; pick(); }) : '',
  );
  grid.drawn = '';
}

// tile is how much of the canvas a neuron has: its map, a pixel, its bar, and a gap.
function tile() {
  const {cols, rows} = now.net, bar = Math.max(1, Math.round(rows / 9)), gap = Math.max(1, Math.round(cols / 9));
  return {wide: cols + gap, high: rows + 1 + bar + gap, gap, bar};
}

// shown is what the tiles show: input × weight is of the first layer alone.
const shown = () => state.tiles === 'product' && state.layer > 0 ? 'map' : state.tiles;

// layOut finds how many tiles stand side by side: of 44 pixels at least, and not more than the layer has.
export function layOut() {
  if (!now.net || !now.net.hidden) return;
  const {units} = now.net.layers[state.layer], {width} = sizeOf($('hidden'));
  const columns = Math.max(1, Math.min(Math.floor(width / 45), units, units > 256 ? 20 : Math.max(10, Math.ceil(Math.sqrt(units)))));
  $('sheet-of').style.width = columns * 84 < width ? `${columns * 84}px` : '';
  if (columns !== grid.columns) grid.drawn = '';
  grid.columns = columns;
}

// draw paints the tiles: maps only when they are others, the bars of the activations each time.
export function draw() {
  const {net, pass} = now, {units} = net.layers[state.layer], {wide, high, bar} = tile();
  const c = $('grid'), rows = Math.ceil(units / grid.columns);
  const a = pass.a[state.layer], top = ['sigmoid', 'tanh'].includes(net.layers[state.layer].activation) ? 1 : Math.max(1e-9, largest(a));
  const width = grid.columns * wide, height = rows * high, ctx = sized(c, width, height);
  const tiles = shown(), products = tiles === 'product';
  const what = [state.run, state.layer, tiles, state.view, now.painted, net.fetched.size].join();
  const fresh = what !== grid.drawn || tiles !== 'map' || !grid.img || grid.img.width !== width || grid.img.height !== height;
  if (!grid.img || grid.img.width !== width || grid.img.height !== height) grid.img = ctx.createImageData(width, height);
  let limit = top;
  if (products) limit = grid.limit = Math.max(1e-9, net.limit(0, 'raw'));
  else if (tiles === 'map') limit = net.limit(state.layer, state.view);
  for (const j of range(units)) {
    const x = (j % grid.columns) * wide, y = Math.floor(j / grid.columns) * high;
    if (fresh) {
      if (tiles === 'activation') block(grid.img, a[j] / top, x, y, net.cols, net.rows);
      else if (products) mapInto(grid.img, grey(net.product(pass, j)), limit, net.cols, x, y);
      else {
        const m = net.map(state.layer, j, state.view);
        if (m) mapInto(grid.img, grey(m), limit, net.cols, x, y);
        else block(grid.img, 0, x, y, net.cols, net.rows);
      }
    }
    const long = Math.round(net.cols * Math.min(1, Math.abs(a[j]) / top));
    block(grid.img, null, x, y + net.rows + 1, net.cols, bar);
    block(grid.img, a[j] < 0 ? -0.9 : 0.9, x, y + net.rows + 1, long, bar);
  }
  ctx.putImageData(grid.img, 0, 0);
  if (state.off.length) for (const j of range(units)) {
    if (isOff(state.layer, j)) strike(ctx, (j % grid.columns) * wide, Math.floor(j / grid.columns) * high, net.cols, net.rows);
  }
  if (what !== grid.drawn) {
    const text = tiles === 'activation' ? 'activation a' : products ? 'input × weight of this image; Σ + b = z' :
      (state.layer ? 'the linear path to the input; ' : '') + viewSays[state.view];
    $('hidden-legend').replaceChildren(...legend(-limit, limit, text + '. The bar below a tile is its activation.'));
  }
  grid.drawn = what;
  mark();
}

// grey is a map of one value per pixel: of several colours their mean.
export function grey(m) {
  const {channels} = now.net;
  if (channels === 1) return m;
  return Float32Array.from({length: m.length / channels}, (_, p) => m.slice(p * channels, (p + 1) * channels).reduce((s, v) => s + v / channels, 0));
}

// mark shows which neuron is looked at, and says it to a screen reader.
export function mark() {
  const {net, pass} = now, j = neuron(), {wide, high, gap} = tile(), c = $('grid'), m = $('mark');
  const scale = sizeOf(c).width / (grid.columns * wide);
  m.style.display = 'block';
  m.style.left = `${(j % grid.columns) * wide * scale - 3}px`;
  m.style.top = `${Math.floor(j / grid.columns) * high * scale - 3}px`;
  m.style.width = `${net.cols * scale + 6}px`;
  m.style.height = `${(high - gap) * scale + 6}px`;
  const {e} = net.evidence(pass, state.layer, asked(), state.not, null);
  c.setAttribute('aria-valuemax', net.layers[state.layer].units - 1);
  c.setAttribute('aria-valuenow', j);
  c.setAttribute('aria-valuetext', `neuron ${j}, activation ${fixed(pass.a[state.layer][j])}, evidence for ${net.classes[asked()]} ${digits(e[j])}${gives(state.layer, j)}`);
}

// at is the neuron under a pointer; −1 for none.
function at(e) {
  const r = $('grid').getBoundingClientRect(), {wide, high} = tile(), scale = r.width / (grid.columns * wide);
  const x = Math.floor((e.clientX - r.left) / scale / wide), y = Math.floor((e.clientY - r.top) / scale / high), j = y * grid.columns + x;
  return x >= 0 && x < grid.columns && y >= 0 && j < now.net.layers[state.layer].units ? j : -1;
}

// listen calls choose with a neuron that is chosen, peek with one that a mouse points at, −1 for none.
export function listen(choose, peek) {
  const c = $('grid');
  c.addEventListener('pointermove', e => { if (e.pointerType === 'mouse') peek(at(e)); });
  c.addEventListener('pointerleave', () => peek(-1));
  c.addEventListener('click', e => { if (at(e) >= 0) choose(at(e)); });
  c.addEventListener('keydown', e => {
    const {units} = now.net.layers[state.layer];
    const by = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns, Home: -units, End: units}[e.key];
    if (!by || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    const to = ['Home', 'End'].includes(e.key) ? Math.max(0, Math.min(units - 1, state.neuron + by)) : state.neuron + by;
    if (to >= 0 && to < units) choose(to);
    const box = $('tiles'), y = $('mark').offsetTop;
    if (y < box.scrollTop || y + $('mark').offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = y - box.clientHeight / 2;
  });
}
