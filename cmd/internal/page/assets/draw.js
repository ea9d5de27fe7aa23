// Maps and images on canvases, each drawn when it comes into view.

// The views of a layer's maps by name; each gives the values of a map and the largest |value| of all.
const viewCache = new Map();

function views(l) {
  if (!viewCache.has(l)) {
    const v = {};
    for (const [name, packed] of Object.entries(l.maps)) v[name] = packedView(packed);
    if (v.learned) v.raw = sumView(v.learned, v.init, l.gamma);
    viewCache.set(l, v);
  }
  return viewCache.get(l);
}

function packedView(packed) {
  const data = new Int8Array(bytes(packed.data).buffer);
  return {
    limit: () => Math.max(0, ...chunks(packed.scale)),
    values: j => Float32Array.from(data.subarray(j * pixels, (j + 1) * pixels), q => q / 127 * packed.scale[j]),
  };
}

// chunks keeps the arguments of Math.max few.
function chunks(v) {
  const out = [];
  for (let i = 0; i < v.length; i += 1000) out.push(Math.max(...v.slice(i, i + 1000)));
  return out;
}

const largest = values => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

// sumView is raw = learned + γ·start.
function sumView(learned, start, gamma) {
  let limit = -1;
  const values = j => {
    const a = learned.values(j), b = start.values(j);
    return a.map((v, p) => v + gamma * b[p]);
  };
  return {
    values,
    limit: () => {
      if (limit < 0) limit = range(doc.layers[0].units).reduce((m, j) => Math.max(m, largest(values(j))), 0);
      return limit;
    },
  };
}

const viewText = {
  learned: ['learned', 'what training put there, W − γW₀'],
  raw: ['raw', 'the weights as they are, W'],
  init: ['start', 'the random start, W₀'],
  path: ['path to the input', 'the linear path to the input through the layers before, weighted by mean slopes'],
};
// viewSays is what a view of a layer's maps shows.
const viewSays = (l, n) => viewText[n][1] + (n === 'path' && l.path_of === 'learned' ? '; through W − γW₀ in the first layer, without its random start' : '');
const viewNames = l => ['learned', 'raw', 'init', 'path'].filter(n => views(l)[n]);

// The colour maps by name; colours is the one that is used.
const palettes = new Map(doc.colors.map(c => [c.name, {light: bytes(c.light), dark: bytes(c.dark)}]));
let colours = doc.colors[0].name;
const palette = () => palettes.get(colours)[isDark() ? 'dark' : 'light'];
const systemDark = matchMedia('(prefers-color-scheme: dark)');
let printing = false;
const isDark = () => !printing && (document.documentElement.dataset.theme || (systemDark.matches ? 'dark' : 'light')) === 'dark';

const dead = new Uint8Array(pixels);
for (const p of doc.dead || []) dead[p] = 1;

// hatching is a chequer of greys for the pixels never inked; in a grey map, of black and white.
const hatching = p => {
  const odd = (p % doc.cols + Math.floor(p / doc.cols)) % 2;
  return colours === 'grey' ? 255 * odd : odd ? 150 : 105;
};

// paintMap draws a map, limit being the end of the colours; hatch marks the pixels never inked.
function paintMap(canvas, values, limit, hatch) {
  const colour = palette();
  canvas.width = doc.cols;
  canvas.height = doc.rows;
  const ctx = canvas.getContext('2d'), img = ctx.createImageData(doc.cols, doc.rows);
  for (let p = 0; p < pixels; p++) {
    let t = limit > 0 ? values[p] / limit : 0;
    t = 127 + Math.round(127 * Math.max(-1, Math.min(1, t)));
    for (let c = 0; c < 3; c++) img.data[4 * p + c] = colour[3 * t + c];
    if (hatch && dead[p]) img.data.fill(hatching(p), 4 * p, 4 * p + 3);
    img.data[4 * p + 3] = 255;
  }
  ctx.putImageData(img, 0, 0);
}

// Images are drawn as ink: dark on a light page, light on a dark one.
const ink = v => isDark() ? v : 255 - v;

function paintInk(canvas, values) {
  canvas.width = doc.cols;
  canvas.height = doc.rows;
  const ctx = canvas.getContext('2d'), img = ctx.createImageData(doc.cols, doc.rows);
  for (let p = 0; p < pixels; p++) {
    img.data.fill(ink(values[p]), 4 * p, 4 * p + 3);
    img.data[4 * p + 3] = 255;
  }
  ctx.putImageData(img, 0, 0);
}

const sprites = new Map();

function sprite(s) {
  if (!sprites.has(s)) {
    const img = new Image();
    sprites.set(s, new Promise(done => { img.onload = () => done(img); }));
    img.src = 'data:image/png;base64,' + doc.images.sprites[s];
  }
  return sprites.get(s);
}

async function paintThumb(canvas, n) {
  const img = await sprite(Math.floor(n / doc.images.each));
  const at = n % doc.images.each, columns = doc.images.columns;
  canvas.width = doc.cols;
  canvas.height = doc.rows;
  const ctx = canvas.getContext('2d');
  ctx.drawImage(img, at % columns * doc.cols, Math.floor(at / columns) * doc.rows, doc.cols, doc.rows, 0, 0, doc.cols, doc.rows);
  if (!isDark()) {
    ctx.globalCompositeOperation = 'difference'; // with white: the negative
    ctx.fillStyle = '#fff';
    ctx.fillRect(0, 0, doc.cols, doc.rows);
  }
}

// Canvases are painted when they come near the window, and again when the theme changes.
const seen = new IntersectionObserver(entries => {
  for (const e of entries) if (e.isIntersecting) {
    seen.unobserve(e.target);
    e.target.painted = true;
    e.target.paint(e.target);
  }
}, {rootMargin: '300px'});

function canvas(paint, attrs) {
  const c = el('canvas', {width: doc.cols, height: doc.rows, 'aria-hidden': 'true', ...attrs});
  c.paint = paint;
  seen.observe(c);
  return c;
}

// repaint draws what has been drawn again; all draws everything.
function repaint(all) {
  for (const c of document.querySelectorAll('canvas')) if (c.paint && (all || c.painted)) {
    c.painted = true;
    c.paint(c);
  }
}

// change gives a canvas another painter.
function change(c, paint) {
  c.paint = paint;
  if (c.painted) paint(c);
}

// paintRamp draws all colours of a map.
function paintRamp(c) {
  c.width = 255;
  c.height = 1;
  const ctx = c.getContext('2d'), img = ctx.createImageData(255, 1), colour = palette();
  for (let i = 0; i < 255; i++) img.data.set([colour[3 * i], colour[3 * i + 1], colour[3 * i + 2], 255], 4 * i);
  ctx.putImageData(img, 0, 0);
}

// legend is a colour bar with its numbers; without a limit each map has its own.
function legend(limit, low, high) {
  const own = limit === undefined;
  return [el('span', {class: 'ramp'}, el('span', {}, own ? low : `${low} ${minus(digits(-limit))}`), canvas(paintRamp), el('span', {}, own ? high : `${digits(limit)} ${high}`)),
    el('span', {}, own ? 'zero in the middle, the ends are each map’s own largest weight' : 'zero in the middle')];
}

// mapFigure is a map with its caption.
function mapFigure(values, limit, caption, width, hatch) {
  return el('figure', {class: 'map', style: {'--w': width || '10rem'}},
    canvas(c => paintMap(c, values, limit, hatch), {'data-limit': limit}), el('figcaption', {}, caption));
}

// thumb is a test image by its number in doc.images.
const thumb = n => canvas(c => paintThumb(c, n), {class: 'ink'});
