// Bundles the programs into dist/: our own packages are bundled, npm's stay outside; but the agent is one file with all in it, for a
// node that has Node.js and nothing else. Prints nothing when all is well, but
// with --verbose. Safe to be run by several processes at once: files appear whole, by rename.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { npmOutside, ownPackages } from './workspaces.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const dayMs = 86_400_000;

function buildAgent() {
  const { version } = JSON.parse(readFileSync(join(root, 'packages/agent/package.json'), 'utf8'));
  return build({
    absWorkingDir: root,
    entryPoints: { 'godwit-agent': join(root, 'packages/agent/src/main.ts') },
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    legalComments: 'none',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { __GODWIT_VERSION__: JSON.stringify(version) },
    // What is CommonJS in it asks for Node's own modules by require().
    banner: { js: "#!/usr/bin/env node\nimport { createRequire as godwitRequire } from 'node:module';const require = godwitRequire(import.meta.url);" },
    write: false,
    logLevel: 'warning',
    plugins: [ownPackages],
  });
}

export async function buildAll() {
  const agent = await buildAgent();
  const result = await build({
    absWorkingDir: root,
    entryPoints: { godwit: join(root, 'packages/cli/src/main.ts'), 'godwit-server': join(root, 'packages/server/src/main.ts') },
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    // What a command loads only when it needs it stays a file of its own, so that `godwit --help` is quick.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    write: false,
    logLevel: 'warning',
    plugins: [ownPackages, npmOutside],
  });
  mkdirSync(join(dist, 'chunks'), { recursive: true });
  // Entries last: whoever sees a new entry finds its chunks.
  const files = [...result.outputFiles, ...agent.outputFiles].toSorted((a, b) => Number(dirname(a.path) === dist) - Number(dirname(b.path) === dist));
  for (const file of files) {
    const part = `${file.path}.${process.pid}`;
    writeFileSync(part, file.contents, { mode: file.path.endsWith('godwit-agent.mjs') ? 0o755 : 0o644 });
    renameSync(part, file.path);
  }
  removeOld(new Set(files.map((f) => basename(f.path))));
}

/** A process that runs may still load chunks of its own build: they go after a day. */
function removeOld(current) {
  for (const name of readdirSync(join(dist, 'chunks'))) {
    const path = join(dist, 'chunks', name);
    if (!current.has(name) && Date.now() - statSync(path).mtimeMs > dayMs) rmSync(path, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAll();
  if (process.argv.includes('--verbose')) console.log('dist/godwit.mjs dist/godwit-server.mjs dist/godwit-agent.mjs');
}
