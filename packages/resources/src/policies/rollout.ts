import { at, GodwitError, projectIdAt, projectOf, type ProjectRef } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord, refuseUnfit } from '../images/find.ts';
import { publish } from '../images/publish.ts';
import type { ImageRecord } from '../images/record.ts';
import { relayTo } from '../images/relay-to.ts';
import { hideOthers } from '../images/supersede.ts';
import { dropWorking, type WorkPlace } from '../images/working.ts';
import type { Rollout } from './schemas.ts';

export interface RolloutInput {
  readonly rolloutId: string;
}

const POLL_MS = 500;

/**
 * image-rollout: site by site: wait for a word where the policy wants one, bring the data, then show the new version and hide the old one. What
 * is hidden is written down before it is, so that a roll back finds it whatever happened.
 */
export function rolloutWorkflow(deps: Deps): WorkflowDefinition<RolloutInput, Rollout> {
  return {
    name: 'image-rollout',
    run: async (ctx: WorkflowContext, input: RolloutInput) => {
      const begun = await ctx.step('begin', () => begin(deps, input));
      const { project, record } = begun;
      for (const [n, site] of begun.sites.entries()) {
        const word = await ctx.step(`gate[${site}]`, (s) => gate(deps, input, n, s));
        if (word === 'back') return ctx.step('roll-back', () => rollBack(deps, input, project));
        const place: WorkPlace = { site: deps.sites.get(site), project, jobId: ctx.jobId };
        if (site !== begun.source) {
          await ctx.step(`copy[${site}]`, (s) => copyTo(deps, input, begun.source, place, record, s), { compensate: () => dropWorking(place) });
        }
        await ctx.step(`switch[${site}]`, () => switchAt(deps, input, place, record));
      }
      return ctx.step('finish', () => change(deps, input, (r) => ({ ...r, state: 'done' })));
    },
  };
}

/** image-rollback: every site shows again what it showed before, and hides the new version; the newest site first. */
export function rollbackWorkflow(deps: Deps): WorkflowDefinition<RolloutInput, Rollout> {
  return {
    name: 'image-rollback',
    run: async (ctx: WorkflowContext, input: RolloutInput) =>
      ctx.step('roll-back', async () => {
        const stored = await deps.store.rollout<Rollout>(input.rolloutId);
        return rollBack(deps, input, projectOf(stored?.project ?? ''));
      }),
  };
}

async function change(deps: Deps, input: RolloutInput, how: (r: Rollout) => Rollout): Promise<Rollout> {
  const next = await deps.store.updateRollout<Rollout>(input.rolloutId, how);
  if (next) return next;
  throw new GodwitError('GW_ROLLOUT_UNKNOWN', 'terminal', `there is no rollout ${input.rolloutId}`, { resource: `rollout ${input.rolloutId}` });
}

const atStage = (site: string, how: (s: Rollout['stages'][number]) => Rollout['stages'][number]) => (r: Rollout): Rollout => ({ ...r, stages: r.stages.map((s) => (s.site === site ? how(s) : s)) });

async function begin(deps: Deps, input: RolloutInput): Promise<{ project: ProjectRef; source: string; sites: string[]; record: ImageRecord }> {
  const stored = await deps.store.rollout<Rollout>(input.rolloutId);
  if (!stored) throw new GodwitError('GW_ROLLOUT_UNKNOWN', 'terminal', `there is no rollout ${input.rolloutId}`, { resource: `rollout ${input.rolloutId}` });
  const { doc } = stored;
  const project = projectOf(stored.project);
  const source = deps.sites.get(doc.source);
  const image = await findImage(source, project, doc.imageId);
  refuseUnfit(doc.source, image);
  return { project, source: doc.source, sites: doc.stages.map((s) => s.site), record: await readRecord(source, project, image, false) };
}

/** Waits until this stage may go on, for days if need be; the word is in the database, so that any controller hears it. */
async function gate(deps: Deps, input: RolloutInput, stage: number, s: StepContext): Promise<'on' | 'back'> {
  for (;;) {
    const now = (await deps.store.rollout<Rollout>(input.rolloutId))?.doc;
    if (!now || now.state === 'rolling-back') return 'back';
    if (now.approved > stage) {
      if (now.state === 'paused') await change(deps, input, (r) => (r.state === 'paused' ? { ...r, state: 'running' } : r));
      return 'on';
    }
    if (now.state === 'running') await change(deps, input, (r) => (r.state === 'running' && r.approved <= stage ? { ...r, state: 'paused' } : r));
    s.progress({ phase: 'Paused', item: now.stages[stage]?.site ?? '', done: stage, total: now.stages.length, unit: 'steps', message: 'waits for a word: godwit image rollout resume or rollback' });
    await deps.clock.sleep(POLL_MS, s.signal);
  }
}

async function copyTo(deps: Deps, input: RolloutInput, source: string, place: WorkPlace, record: ImageRecord, s: StepContext): Promise<void> {
  const site = place.site.name;
  await change(deps, input, atStage(site, (stage) => ({ ...stage, state: 'copying' })));
  if ((await lookAtTarget(place.site, place.project, record)).copy) return;
  const [outcome] = (await relayTo(deps, { source, project: place.project, record, places: [place] }, s)).targets;
  if (outcome?.error) throw new GodwitError(outcome.error.code as `GW_${string}`, 'terminal', outcome.error.message, { site, resource: `image ${record.name}` });
}

async function switchAt(deps: Deps, input: RolloutInput, place: WorkPlace, record: ImageRecord): Promise<void> {
  const { site, project, jobId } = place;
  const projectId = await projectIdAt(site, project);
  const visible = await at(site.name, () => site.asProject(project).image.list({ name: record.name, owner: projectId }));
  const imageId = (await lookAtTarget(site, project, record)).copy?.id;
  const old = visible.filter((i) => i.name === record.name && i.owner === projectId && i.id !== imageId).map((i) => i.id);
  await change(deps, input, atStage(site.name, (s) => ({ ...s, superseded: [...new Set([...s.superseded, ...old])] })));
  const published = await publish(site, project, { ...record, hidden: false }, jobId);
  await hideOthers(site, project, record, published.imageId);
  await change(deps, input, atStage(site.name, (s) => ({ ...s, state: 'done', imageId: published.imageId })));
}

async function rollBack(deps: Deps, input: RolloutInput, project: ProjectRef): Promise<Rollout> {
  const now = await change(deps, input, (r) => ({ ...r, state: 'rolling-back' }));
  for (const stage of now.stages.toReversed()) {
    // Also one that was cut between writing down and switching.
    if (stage.state === 'waiting' && stage.superseded.length === 0) continue;
    const site = deps.sites.get(stage.site);
    const tenant = site.asProject(project);
    const set = (id: string, value: boolean) => at(site.name, () => tenant.image.update(id, [{ op: 'replace', path: '/os_hidden', value }]), `image ${id}`);
    // The old one first: for a moment there are two of the name, never none.
    for (const id of stage.superseded) await set(id, false);
    // Where there was no version before, the bad one is hidden all the same; at the source it stays, as somebody put it there.
    if (stage.imageId !== undefined && (stage.superseded.length > 0 || stage.site !== now.source)) await set(stage.imageId, true);
    await change(deps, input, atStage(stage.site, (s) => ({ ...s, state: 'rolled-back' })));
  }
  return change(deps, input, (r) => ({ ...r, state: 'rolled-back' }));
}
