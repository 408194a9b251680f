// Runs one of the project's commands, first making sure that the npm packages are there: so every `npm run …` works in a
// fresh clone. Only Node's own modules may be imported here.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const [command, ...args] = process.argv.slice(2);

/** Ends this process with the child's status, so that npm shows the same. */
function run(file, argv, options = {}) {
  const result = spawnSync(file, argv, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`${file}: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function ensureNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Godwit needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

function ensurePackages() {
  const stamp = join(root, 'node_modules', '.godwit-stamp');
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  const current = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (current()) return;
  // Two commands at once must not install into one folder: the second waits, and finds it done.
  const release = takeLock(join(root, '.npm-install.lock'));
  try {
    if (current()) return;
    console.error('Installing npm packages (once) …');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, hash);
  } finally {
    release();
  }
}

/** A file that holds the owner's process id; one whose owner is dead is taken over. */
function takeLock(file) {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      const release = () => rmSync(file, { force: true });
      process.once('exit', release);
      return release;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = Number(readFileSync(file, 'utf8'));
      if (owner > 0 && !existsSync(`/proc/${owner}`)) rmSync(file, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

const tsx = (file, ...rest) => run(process.execPath, ['--import', 'tsx', join(root, file), ...rest]);

/** For what stays up: signals are passed on, and its end is waited for, so that nothing of it outlives this command. */
function runOn(file, argv) {
  const child = spawn(file, argv, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`${file}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (status) => process.exit(status ?? 1));
}

const commands = {
  start: () => runOn(process.execPath, ['--import', 'tsx', join(root, 'quickstart', 'src', 'main.ts'), ...args]),
  build: () => run(process.execPath, [join(root, 'scripts', 'build.mjs')]),
  typecheck: () => run(bin('tsc'), ['-p', 'tsconfig.json']),
  lint: () => run(bin('eslint'), ['.', ...args]),
  'test:unit': () => run(bin('vitest'), ['run', '--project', 'unit', ...args]),
  test: () => {
    commands.typecheck();
    commands.lint();
    // A worker for each core: most of these tests wait, and vitest's own choice leaves one core free, of two.
    run(bin('vitest'), ['run', '--project', 'unit', '--project', 'proof', '--project', 'contract', `--maxWorkers=${Math.max(2, availableParallelism())}`]);
  },
  'test:proof': () => tsx('proof/src/run-tests.ts', ...args),
  lab: () => tsx('lab/src/main.ts', ...args),
  'test:lab': () => tsx('lab/src/run-tests.ts', ...args),
  'test:contract': () => tsx('contract/src/run-tests.ts', ...args),
  'demo:lab': () => tsx('lab/src/demo/main.ts', ...args),
  bench: () => tsx('bench/src/main.ts', ...args),
  godwit: () => run(process.execPath, [join(root, 'bin', 'godwit.mjs'), ...args]),
};

if (!Object.hasOwn(commands, command ?? '')) {
  console.error(`usage: npm run ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}
ensureNode();
ensurePackages();
commands[command]();
