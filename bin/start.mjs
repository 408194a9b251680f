// Starts a program of dist/. In a checkout it is built first when a source is newer. Only Node's own modules may be imported here.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

// The HTTP client's parser is WebAssembly: compiled a second time, for speed, it would take 25 MiB more, and large bodies go no faster by it.
setFlagsFromString('--liftoff-only');

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export async function start(name) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) fail(`${name} needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  const program = join(root, 'dist', `${name}.mjs`);
  if (!existsSync(join(root, 'node_modules'))) fail(`The npm packages are not installed. Run: npm ci --prefix ${root}`);
  if (isStale(program)) {
    const { buildAll } = await import('../scripts/build.mjs');
    await buildAll();
  }
  process.argv[1] = program;
  await import(pathToFileURL(program).href);
}

/** Whether it is missing, or older than a source. What is shipped without sources is never stale. */
function isStale(program) {
  const sources = join(root, 'packages');
  if (!existsSync(program)) return true;
  if (!existsSync(join(root, 'scripts', 'build.mjs')) || !existsSync(sources)) return false;
  const built = statSync(program).mtimeMs;
  return readdirSync(sources).some((p) => newest(join(sources, p, 'src')) > built);
}

function newest(directory) {
  let time = 0;
  for (const entry of existsSync(directory) ? readdirSync(directory, { withFileTypes: true }) : []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(path));
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) time = Math.max(time, statSync(path).mtimeMs);
  }
  return time;
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
