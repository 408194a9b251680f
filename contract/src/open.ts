import { Covered } from './covered.ts';
import { labTarget } from './lab-target.ts';
import { Suite } from './suite.ts';

/** The suite over the target that GODWIT_CONTRACT_TARGET names: `emulator` (the default) or `lab`. */
export async function openSuite(): Promise<{ readonly suite: Suite; readonly covered: Covered }> {
  const covered = new Covered();
  return { suite: new Suite(await labTarget(covered)), covered };
}
