import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes: begun first, so that nothing else waits for it in the end. */
const longest = ['/proof/test/crashes.test.ts'];

/** By name: the numbers of the lab's scenarios say their order, the main one first. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = (file: TestSpecification): boolean => longest.some((name) => file.moduleId.endsWith(name));
    return Promise.resolve(files.toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)) || a.moduleId.localeCompare(b.moduleId)));
  }
}

// Two projects: `unit` runs anywhere, `lab` needs a lab (docs/operators/lab.md) and fails without one.
export default defineConfig({
  test: {
    sequence: { sequencer: ByName },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'lab/src/**/*.test.ts', 'bench/src/**/*.test.ts', 'proof/src/**/*.test.ts', 'quickstart/src/**/*.test.ts', 'quickstart/test/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        // Crashes, seeds and fuzz over emulated sites: docs/contributors/proof.md.
        test: {
          name: 'proof',
          include: ['proof/test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Requests, RPC and refusals, held to what real ones answer: docs/contributors/contract.md. Over emulated sites, unless GODWIT_CONTRACT_TARGET=lab.
        test: {
          name: 'contract',
          include: ['contract/test/contract.test.ts'],
          testTimeout: 15 * 60_000,
          hookTimeout: 30 * 60_000,
        },
      },
      {
        // Needs Debian's python3-openstackclient, which is in the lab's package tree.
        test: {
          name: 'contract-client',
          include: ['contract/test/openstack-client.test.ts'],
          testTimeout: 5 * 60_000,
          hookTimeout: 5 * 60_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['lab/test/**/*.test.ts'],
          testTimeout: 15 * 60_000,
          hookTimeout: 30 * 60_000,
          fileParallelism: false,
          maxWorkers: 1,
          sequence: { concurrent: false },
        },
      },
    ],
  },
});
