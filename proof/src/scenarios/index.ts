import type { Scenario } from './scenario.ts';
import { scenarios as images } from './images.ts';
import { scenarios as networks } from './networks.ts';
import { scenarios as replication } from './replication.ts';
import { scenarios as sync } from './sync.ts';
import { scenarios as protection } from './vnf-group.ts';

/** Of every use case: how its workflows run. A new workflow brings its scenarios here, and is then crashed at each of its boundaries. */
export const scenarios: readonly Scenario[] = [...protection, ...images, ...sync, ...networks];

/** Played by `npm run test:proof` alone, until they have run green often enough, and in time, for `npm test`. */
export const byName: readonly Scenario[] = replication;

/** Workflows that need more than emulated sites, and where they are crashed instead. */
export const elsewhere: Readonly<Record<string, string>> = {
  'identity-adopt': 'packages/identity/test/boundaries.test.ts',
  'identity-rotate': 'packages/identity/test/boundaries.test.ts',
  'identity-repoint': 'packages/identity/test/boundaries.test.ts',
  'identity-join': 'packages/identity/test/star.test.ts',
  'identity-leave': 'packages/identity/test/every-boundary.test.ts',
  'identity-restore': 'packages/identity/test/every-boundary.test.ts',
};

/** Workflows that `npm test` crashes nowhere yet. What is brought here from outside is to be taken out of it; nothing new may come in. */
export const notYet: readonly string[] = ['resync'];
