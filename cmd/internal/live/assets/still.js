// Still: what a page that was written to a file (serve --export) carries in place of a server.

const says = document.getElementById('at:still');

// still is whether this page is such a one; its answers stand in elements named by the path that was asked.
export const still = says !== null;

// tests are the numbers of the test images that it holds, ascending.
export const tests = still ? JSON.parse(says.textContent).tests : [];

// holds is what is in it, in words.
export const holds = still ? JSON.parse(says.textContent).says : '';

function answerTo(path) {
  const e = document.getElementById('at:' + path);
  if (!e) throw new Error('This is not in the page, which was written to a file without it; neuroloupe serve shows it.');
  if (e.type === 'application/json') return JSON.parse(e.textContent);
  const text = atob(e.textContent), out = new Uint8Array(text.length);
  for (let i = 0; i < out.length; i++) out[i] = text.charCodeAt(i);
  return out.buffer;
}

// kept answers what would be asked of a server.
export function kept(path) {
  const asked = path.match(/^(.*\/tests)\/([\d,]+)$/);
  if (!asked) return answerTo(path);
  const all = new Uint8Array(answerTo(asked[1])), size = all.length / tests.length, numbers = asked[2].split(',').map(Number);
  const out = new Uint8Array(numbers.length * size);
  numbers.forEach((n, i) => {
    const at = tests.indexOf(n);
    if (at < 0) throw new Error(`Test image ${n} is not in the page, which was written to a file with ${tests.length} of them; neuroloupe serve shows it.`);
    out.set(all.subarray(at * size, (at + 1) * size), i * size);
  });
  return out.buffer;
}
