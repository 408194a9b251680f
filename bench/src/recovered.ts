import { connect, eventually, guestReady, type Lab } from '@godwit/lab';

export interface Timing {
  readonly activeSeconds: number;
  readonly writersSeconds: number;
}

/** From "bring it back" to both VMs running at the site that is left, and to both writers going on. */
export async function timed(lab: Lab, recover: () => Promise<string[]>): Promise<Timing> {
  const begun = Date.now();
  const servers = await recover();
  const activeSeconds = (Date.now() - begun) / 1_000;
  await Promise.all(servers.map((id) => guestReady(lab, 'site2', id)));
  return { activeSeconds, writersSeconds: (Date.now() - begun) / 1_000 };
}

/** Servers, ports and volumes of a recovery; its backups stay. */
export async function clear(lab: Lab): Promise<void> {
  const cloud = await connect(lab, 'site2');
  try {
    for (const server of await cloud.compute.servers.list()) await cloud.compute.servers.delete(server.id);
    await eventually('servers to be gone', async () => (await cloud.compute.servers.list()).length === 0);
    for (const port of (await cloud.network.ports.list()).filter((p) => p.description?.startsWith('godwit') || /^vnf-.*-port$/.test(p.name))) await cloud.network.ports.delete(port.id);
    await eventually('volumes to be gone', async () => {
      const volumes = await cloud.volume.volumes.list();
      for (const v of volumes.filter((x) => x.status === 'available')) await cloud.volume.volumes.delete(v.id);
      return volumes.length === 0;
    });
  } finally {
    await cloud.close();
  }
}
