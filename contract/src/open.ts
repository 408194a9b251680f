import { Covered } from './covered.ts';
import { emulatorTarget } from './emulator-target.ts';
import { labTarget } from './lab-target.ts';
import { Suite } from './suite.ts';

/** The suite over the target that GODWIT_CONTRACT_TARGET names: `emulator` (the default) or `lab`. */
export async function openSuite(): Promise<{ readonly suite: Suite; readonly covered: Covered }> {
  const kind = process.env['GODWIT_CONTRACT_TARGET'] ?? 'emulator';
  if (kind !== 'emulator' && kind !== 'lab') throw new Error(`GODWIT_CONTRACT_TARGET is ${kind}; it must be emulator or lab`);
  const covered = new Covered();
  return { suite: new Suite(await (kind === 'lab' ? labTarget(covered) : emulatorTarget(covered))), covered };
}
