import { expect } from 'vitest';
import { connect } from './clouds.ts';
import { guestGaps, longestGapMs, writerAt } from './guest.ts';
import type { Scenario } from './suite.ts';
import { eventually } from './wait.ts';

/** Nothing of a failed or finished protect is left where it must not be: snapshots at site1, volumes of ours, odd backups. */
export async function expectNoOrphans(s: Scenario): Promise<void> {
  const points = (await s.ok<{ id: string; state: string; volumes: { backupId: string }[] }[]>('recovery-point', 'list', 'vnf')).filter((p) => p.state === 'Available');
  const known = new Set(points.flatMap((p) => p.volumes.map((v) => v.backupId)));
  for (const site of ['site1', 'site2']) {
    const cloud = await connect(s.lab, `${site}-godwit`);
    try {
      await eventually(`nothing of ours to be left at ${site}`, async () => {
        const snapshots = await cloud.volume.snapshots.list();
        const backups = (await cloud.volume.backups.list()).filter((b) => !known.has(b.id));
        const volumes = (await cloud.volume.volumes.list()).filter((v) => v.name?.startsWith('godwit-'));
        const left = [...snapshots.map((x) => `snapshot ${x.name ?? x.id}`), ...backups.map((x) => `backup ${x.name ?? x.id} ${x.status}`), ...volumes.map((x) => `volume ${x.name ?? x.id}`)];
        if (left.length > 0) throw new Error(left.join(', '));
        return true;
      }, { timeoutMs: 180_000, everyMs: 2_000 });
    } finally {
      await cloud.close();
    }
  }
}

/** No writer stood still for longer than the policy's limit since it was at `afterN`, and all of them write now. */
export async function expectThawed(s: Scenario, before: readonly number[], limitMs = 30_000): Promise<void> {
  for (const [n, m] of s.members.entries()) {
    const since = before[n] ?? 0;
    await eventually(`${m.name} to write again`, async () => (await writerAt(s.lab, 'site1', m.ip)) > since + 20, { timeoutMs: 180_000 });
    expect(longestGapMs(s.lab, 'site1', m.id, since), `longest stall of ${m.name}: ${JSON.stringify(guestGaps(s.lab, 'site1', m.id).slice(-3))}`).toBeLessThan(limitMs);
  }
}

interface JobEvent {
  readonly type: string;
  readonly data: { readonly phase?: string; readonly state?: string };
}

/** Resolves at the moment in which a job reports the phase; rejects when it ends before. Read from the live events: a poll would come late. */
export async function jobReaches(s: Scenario, jobId: string, phase: string): Promise<void> {
  const cloud = await connect(s.lab, 'site2');
  const token = await cloud.session.token();
  const stop = new AbortController();
  try {
    const response = await fetch(`${s.options().url}/v1/jobs/${jobId}/events`, {
      headers: { 'x-auth-token': token.id, 'x-auth-url': cloud.config.auth.authUrl, accept: 'text/event-stream' },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(600_000)]),
    });
    if (!response.ok || !response.body) throw new Error(`events of job ${jobId}: HTTP ${response.status}`);
    let text = '';
    for await (const chunk of response.body) {
      text += Buffer.from(chunk as Uint8Array).toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.filter((l) => l.startsWith('data:'))) {
        const event = JSON.parse(line.slice(5)) as JobEvent;
        if (event.type === 'progress' && event.data.phase === phase) return;
      }
    }
    throw new Error(`job ${jobId} ended before ${phase}`);
  } finally {
    stop.abort();
    await cloud.close();
  }
}

export async function jobEnds(s: Scenario, jobId: string): Promise<{ state: string; error?: { code: string; message: string }; result?: unknown }> {
  return eventually(`job ${jobId} to end`, async () => {
    const { json } = await s.cli('job', 'show', jobId);
    const job = json as { state?: string } | undefined;
    return ['succeeded', 'failed', 'cancelled'].includes(job?.state ?? '') ? (job as { state: string }) : undefined;
  }, { timeoutMs: 900_000, everyMs: 1_000 });
}
