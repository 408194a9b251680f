import type { Lab } from '@godwit/lab';

/** The `openstack` client, run inside a site by its tenant or administrator, one command after another as a person types them. */
export async function openstack(lab: Lab, site: string, cloud: string, ...args: string[]): Promise<string> {
  const result = await lab.exec(site, ['openstack', '--os-cloud', cloud, ...args], { timeoutMs: 900_000 });
  if (result.code !== 0) throw new Error(`openstack ${args.join(' ')} at ${site}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`);
  return result.stdout.trim();
}

/** Waits as a person does who looks again and again. */
export async function untilStatus(lab: Lab, site: string, cloud: string, show: readonly string[], wanted: string): Promise<void> {
  for (let n = 0; n < 300; n++) {
    const status = await openstack(lab, site, cloud, ...show, '-f', 'value', '-c', 'status');
    if (status === wanted) return;
    if (status.startsWith('error')) throw new Error(`${show.join(' ')}: ${status}`);
    await new Promise((r) => setTimeout(r, 500));
  }
  throw new Error(`${show.join(' ')} did not become ${wanted}`);
}
