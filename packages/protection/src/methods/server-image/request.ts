import { isOpenStackError, type Cloud, type Image } from '@godwit/openstack';
import { GodwitError } from '@godwit/sites';
import { waitFor } from '../../cinder/wait.ts';
import type { Clock } from '../../deps.ts';
import type { ServerRecord } from '../../inventory/types.ts';

export interface NovaDeps {
  readonly site: string;
  readonly tenant: Cloud;
  /** Sees whether the server's nova-compute is up. */
  readonly admin: Cloud;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Images of that name that are the project's own. */
export async function imagesNamed(tenant: Cloud, name: string): Promise<Image[]> {
  const { projectId } = await tenant.session.token();
  return (await tenant.image.list({ name })).filter((i) => i.owner === projectId && i.name === name);
}

/**
 * Asks Nova for an image of a server. With some nova-apis (several threads under uWSGI) the image is made and the answer never comes:
 * so the image is looked for while the answer is waited for.
 */
export async function requestImage(deps: NovaDeps, server: ServerRecord, name: string, metadata: Readonly<Record<string, string>>): Promise<string> {
  const { tenant, clock, signal } = deps;
  const asked = tenant.compute.servers.createImage(server.id, { name, metadata }, { signal }).then(
    (id) => ({ id }),
    (error: unknown) => ({ error }),
  );
  for (;;) {
    const answer = await Promise.race([asked, clock.sleep(lookEveryMs, signal).then(() => undefined)]);
    if (answer && 'id' in answer) return answer.id;
    const found = (await imagesNamed(tenant, name)).find((i) => i.status === 'active' || server.imageBooted);
    if (found) return found.id;
    if (answer) throw answer.error;
  }
}

const lookEveryMs = 1_000;

/** Nova refuses a second image while it makes one: what an earlier try began, or somebody else, is waited for. */
export async function untilIdle(deps: NovaDeps, server: ServerRecord): Promise<void> {
  await waitFor(
    async () => ((await deps.tenant.compute.servers.get(server.id))['OS-EXT-STS:task_state'] ? undefined : true),
    { ...deps, pollMs: 1_000, timeoutMs: 600_000, onTimeout: () => failed(deps.site, server, 'Nova has been busy with it for 600 s', 'terminal') },
  );
}

/** How long an image may be without data while nobody seems to be making it: a nova-compute that died leaves it `queued` for ever. */
const patienceMs = 60_000;

/** Waits until the image of a local disk has its data. Nova deletes one that it cannot fill. */
export async function untilFilled(deps: NovaDeps, server: ServerRecord, imageId: string, say: (status: string) => void): Promise<Image> {
  let idleSince: number | undefined;
  return waitFor(
    async () => {
      const image = await deps.tenant.image.get(imageId).catch((error: unknown) => {
        if (isOpenStackError(error, 'OS_NOT_FOUND')) throw failed(deps.site, server, 'Nova gave its image up');
        throw error;
      });
      say(image.status);
      if (image.status === 'active') return image;
      if (!['queued', 'saving', 'uploading', 'importing'].includes(image.status)) throw failed(deps.site, server, `its image is ${image.status}`);
      const worked = (await deps.tenant.compute.servers.get(server.id))['OS-EXT-STS:task_state'] && (await hostIsUp(deps, server.host));
      idleSince = worked ? undefined : (idleSince ?? performance.now());
      if (idleSince !== undefined && performance.now() - idleSince > patienceMs) throw failed(deps.site, server, `its image stays ${image.status}, and no nova-compute works on it`);
      return undefined;
    },
    { ...deps, pollMs: 1_000, timeoutMs: 24 * 3_600_000, onTimeout: () => failed(deps.site, server, 'its image is not finished after 24 h') },
  );
}

async function hostIsUp({ admin }: NovaDeps, host: string): Promise<boolean> {
  return (await admin.compute.services.list({ binary: 'nova-compute' })).some((s) => s.host === host && s.state === 'up');
}

const failed = (site: string, server: ServerRecord, why: string, kind: 'retryable' | 'terminal' = 'retryable'): GodwitError =>
  new GodwitError('GW_SERVER_IMAGE_FAILED', kind, `${site}: no image of server ${server.name} could be made: ${why}`, {
    site,
    resource: `server ${server.name}`,
    action: 'Look at nova-compute’s log on its host, and whether Glance has room.',
  });
