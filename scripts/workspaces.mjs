// For esbuild: our own packages, by their sources; npm's stay outside, where Node finds them.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = join(dirname(fileURLToPath(import.meta.url)), '..', 'packages');

/** Our own packages go in; nothing is said of npm's. */
export const ownPackages = {
  name: 'own-packages',
  setup(b) {
    b.onResolve({ filter: /^@godwit\// }, ({ path }) => {
      const [name, ...part] = path.slice('@godwit/'.length).split('/');
      return { path: join(packages, name, 'src', ...part, 'index.ts') };
    });
  },
};

/** Npm's that are imported for what they do, not for what they export. */
const doers = new Set(['reflect-metadata']);

/** Behind `ownPackages`: all that is still named like a package stays outside, and what a program does not use of it is not loaded. */
export const npmOutside = {
  name: 'npm-outside',
  setup(b) {
    b.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => (kind === 'entry-point' ? undefined : { path, external: true, sideEffects: doers.has(path) }));
  },
};
