// Runs one of the project's commands, first making sure that the npm packages are there: so every `npm run …` works in a
// fresh clone. Only Node's own modules may be imported here.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  console.error('Installing npm packages (once) …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

const tsx = (file, ...rest) => run(process.execPath, ['--import', 'tsx', join(root, file), ...rest]);

const commands = {
  build: () => run(process.execPath, [join(root, 'scripts', 'build.mjs')]),
  typecheck: () => run(bin('tsc'), ['-p', 'tsconfig.json']),
  lint: () => run(bin('eslint'), ['.', ...args]),
  'test:unit': () => run(bin('vitest'), ['run', '--project', 'unit', ...args]),
  test: () => {
    commands.typecheck();
    commands.lint();
    commands['test:unit']();
  },
  lab: () => tsx('lab/src/main.ts', ...args),
  'test:lab': () => tsx('lab/src/run-tests.ts', ...args),
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
