// numpy's npz: a zip archive, uncompressed, of arrays as numpy.save writes them.

// Arrays are an object of arrays by their names: {descr, shape, bytes}.
const array = (descr, values, shape) => ({descr, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength)});

export const doubles = (values, ...shape) => array('<f8', Float64Array.from(values), shape.length ? shape : [values.length]);
export const singles = (values, ...shape) => array('<f4', Float32Array.from(values), shape.length ? shape : [values.length]);
export const whole = values => array('<i8', BigInt64Array.from(values, v => BigInt(v)), [values.length]);

// texts are kept as numpy's U, in UTF-32.
export function texts(all) {
  const points = all.map(t => [...t].map(c => c.codePointAt(0))), most = Math.max(1, ...points.map(p => p.length));
  const out = new Uint32Array(all.length * most);
  points.forEach((p, i) => out.set(p, i * most));
  return array(`<U${most}`, out, [all.length]);
}

// npy is an array as a file: its header is padded, so that the numbers begin at a multiple of 64.
function npy({descr, shape, bytes}) {
  const says = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const size = Math.ceil((10 + says.length + 1) / 64) * 64, out = new Uint8Array(size + bytes.length);
  out.set([0x93, ...[...'NUMPY'].map(c => c.charCodeAt(0)), 1, 0, (size - 10) & 255, (size - 10) >> 8]);
  out.set([...says.padEnd(size - 11) + '\n'].map(c => c.charCodeAt(0)), 10);
  out.set(bytes, size);
  return out;
}

const table = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xEDB88320 ^ n >>> 1 : n >>> 1;
  return n;
});

function crc32(bytes) {
  let c = 0xFFFFFFFF;
  for (const b of bytes) c = table[(c ^ b) & 255] ^ c >>> 8;
  return ~c >>> 0;
}

// npz packs arrays (PKWARE's APPNOTE.TXT, 4.3): a header before each file, the same in a list at the end.
export function npz(arrays) {
  const files = Object.entries(arrays).map(([name, a]) => ({name: [...`${name}.npy`].map(c => c.charCodeAt(0)), data: npy(a)}));
  const size = files.reduce((s, f) => s + 30 + 46 + 2 * f.name.length + f.data.length, 22);
  const out = new Uint8Array(size), view = new DataView(out.buffer);
  let at = 0;
  const put = (...fields) => {
    for (const [bytes, v] of fields) {
      if (bytes === 2) view.setUint16(at, v, true);
      else view.setUint32(at, v, true);
      at += bytes;
    }
  };
  // version, flags, stored, midnight of 1 January 1980, the sum, both sizes, the length of the name, no more fields
  const common = f => [[2, 20], [2, 0], [2, 0], [2, 0], [2, 33], [4, f.sum], [4, f.data.length], [4, f.data.length], [2, f.name.length], [2, 0]];
  for (const f of files) {
    f.sum = crc32(f.data);
    f.at = at;
    put([4, 0x04034b50], ...common(f));
    out.set(f.name, at);
    out.set(f.data, at += f.name.length);
    at += f.data.length;
  }
  const list = at;
  for (const f of files) {
    put([4, 0x02014b50], [2, 20], ...common(f), [2, 0], [2, 0], [2, 0], [4, 0], [4, f.at]);
    out.set(f.name, at);
    at += f.name.length;
  }
  put([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, at - list], [4, list], [2, 0]);
  return out;
}
