import { setTimeout as delay } from 'node:timers/promises';
import type { FaultInput } from '@godwit/emulator';
import { serversOf } from '../boundaries/submitted.ts';
import { other, type Played, type Scene } from './played.ts';
import type { Act } from './schedule.ts';

/** All that a seed does with its group, one after the other; faults go on beside. */
export async function perform(scene: Scene, played: Played): Promise<void> {
  const beside: Promise<void>[] = [];
  for (const act of played.schedule.acts) {
    await delay(act.afterMs);
    if (act.act === 'fault' || act.act === 'guest agent') beside.push(befall(scene, played, act));
    else {
      const before = played.jobs.length;
      await ask(scene, played, act);
      if ('troubled' in act && played.jobs.length > before) beside.push(...act.troubled.map((own) => befall(scene, played, { act: 'fault', ...own })));
    }
  }
  await Promise.all(beside);
}

async function befall({ lane: { sites: { emulator } } }: Scene, { unit, jobs }: Played, act: Extract<Act, { readonly act: 'fault' | 'guest agent' }>): Promise<void> {
  const inject = async (fault: FaultInput): Promise<void> => {
    const injected = emulator.inject(fault);
    await delay(act.forMs);
    injected.lift();
  };
  const job = jobs.at(-1);
  if (act.act === 'fault') return job === undefined ? undefined : inject({ ...act.fault, globalRequestId: `req-${job}` } as FaultInput);
  const [server] = serversOf(emulator, unit);
  if (server !== undefined) await inject({ kind: 'guest-agent', site: 'site1', server, how: act.how });
}

async function ask(scene: Scene, played: Played, act: Exclude<Act, { readonly act: 'fault' | 'guest agent' }>): Promise<void> {
  const { api, lane, jobs: poll } = scene;
  const { unit, jobs } = played;
  const group = `/v1/groups/${unit.name}`;
  // Refused, or answered by nobody: that may be, in such times. A defect of Godwit may not.
  const call = async <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T | undefined> => {
    const answer = await api.call<T & { jobId?: string; code?: string }>(method, path, body).catch(() => undefined);
    if (answer?.json?.code === 'GW_INTERNAL') played.wrong.push(`${method} ${path} answered ${JSON.stringify(answer.json)}`);
    if (answer === undefined || answer.status >= 400) return undefined;
    if (typeof answer.json?.jobId === 'string') jobs.push(answer.json.jobId);
    return answer.json;
  };
  switch (act.act) {
    case 'protect':
      return void (await call('POST', `${group}/protect`, {}));
    case 'recover': {
      const from = (await call<{ activeSite: string }>('GET', group))?.activeSite ?? 'site1';
      // Who vouches for what is not so has two copies, and knows it. Its guests stay down when it comes back.
      const sourceIsDown = act.vouch && lane.sites.emulator.world.faults.down(from) !== undefined;
      return void (await call('POST', `${group}/recover`, { to: other(from), sourceIsDown }));
    }
    case 'verify': {
      const points = await call<{ recoveryPoints: { id: string; state: string }[] }>('GET', `${group}/recovery-points`);
      const point = points?.recoveryPoints.findLast((p) => p.state === 'Available');
      return void (point && (await call('POST', `/v1/recovery-points/${point.id}/verify`, { restore: true })));
    }
    case 'cancel':
      return void (jobs.length > 0 && (await call('POST', `/v1/jobs/${jobs.at(-1) ?? ''}/cancel`, {})));
    case 'purge':
      return void (await call('DELETE', `${group}?purge=true`));
    case 'change policy':
      return void (await call('PATCH', group, { policy: act.policy }));
    case 'wait':
      return void (jobs.length > 0 && (await poll.ended(jobs.at(-1) ?? '', 5_000).catch(() => undefined)));
  }
}
