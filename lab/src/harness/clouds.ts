import { createCloud, loadCloud, type Cloud } from '@godwit/openstack';
import type { Lab } from '../index.ts';

/** A client for an entry of the lab's clouds.yaml. */
export async function connect(lab: Lab, name: string): Promise<Cloud> {
  return createCloud(await loadCloud({ cloud: name, env: {}, files: [lab.paths.clouds] }));
}
