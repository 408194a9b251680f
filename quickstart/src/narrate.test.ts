import { expect, it } from 'vitest';
import { narrator } from './narrate.ts';

it('tells what is worked on, each once, without steps and times, however the text comes in pieces', () => {
  const told: string[] = [];
  const hear = narrator((line) => told.push(line));
  hear('20:34:17 restore[afafc7aa] …\n20:34:17   RestoringVolumes vnf-db-root creating\n20:34:17   Fencing si');
  hear('te1\n20:34:18   Fencing site1\n20:34:19 restore[afafc7aa]: done in 1.55 s\n20:34:19   RestoringVolumes vnf-db-root 100 % restored\n20:34:22 job succeeded\n');
  expect(told).toEqual(['  Fencing site1', '  RestoringVolumes vnf-db-root 100 % restored']);
});
