import { createCloud, loadCloud, type Cloud } from '@godwit/openstack';
import type { Lab } from '../index.ts';

/** A client for an entry of the lab's clouds.yaml; with `project` for another of the user's projects. */
export async function connect(lab: Lab, name: string, project?: string): Promise<Cloud> {
  return createCloud(await loadCloud({ cloud: name, env: {}, files: [lab.paths.clouds], ...(project === undefined ? {} : { overrides: { auth: { project_name: project } } }) }));
}
