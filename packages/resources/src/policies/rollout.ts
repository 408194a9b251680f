import { at, GodwitError, projectIdAt, projectOf, type ProjectRef, type Site, toGodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord, refuseUnfit, workingImages } from '../images/find.ts';
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
      const begun = await ctx.step('begin', () => begin(deps, input), { compensate: () => fail(deps, input, ctx.jobId) });
      const { project, record } = begun;
      const back = (): Promise<Rollout> => ctx.step('roll-back', () => rollBack(deps, input, project));
      for (const [n, site] of begun.sites.entries()) {
        const word = await ctx.step(`gate[${site}]`, (s) => gate(deps, input, n, s));
        if (word === 'back') return back();
        const place: WorkPlace = { site: deps.sites.get(site), project, jobId: ctx.jobId };
        if (site !== begun.source) {
          await ctx.step(`copy[${site}]`, (s) => copyTo(deps, input, begun.source, place, record, s), { compensate: () => dropWorking(place) });
        }
        // Begun, it is ended: a cancel between showing the one and hiding the other would leave two of the name.
        if ((await ctx.step(`switch[${site}]`, () => switchAt(deps, input, begun.source, place, record), { uncancellable: true })) === 'back') return back();
      }
      const ended = await ctx.step('finish', () => finish(deps, input));
      // The word came behind the last look: the state says so, and nothing was called done over it.
      return ended.state === 'rolling-back' ? back() : ended;
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
        if (!stored) throw unknownRollout(input);
        return rollBack(deps, input, projectOf(stored.project));
      }),
  };
}

const unknownRollout = (input: RolloutInput): GodwitError => new GodwitError('GW_ROLLOUT_UNKNOWN', 'terminal', `there is no rollout ${input.rolloutId}`, { resource: `rollout ${input.rolloutId}` });

async function change(deps: Deps, input: RolloutInput, how: (r: Rollout) => Rollout): Promise<Rollout> {
  const next = await deps.store.updateRollout<Rollout>(input.rolloutId, how);
  if (next) return next;
  throw unknownRollout(input);
}

const atStage = (site: string, how: (s: Rollout['stages'][number]) => Rollout['stages'][number]) => (r: Rollout): Rollout => ({ ...r, stages: r.stages.map((s) => (s.site === site ? how(s) : s)) });

const goesOn = (r: Rollout): boolean => r.state === 'running' || r.state === 'paused';

async function begin(deps: Deps, input: RolloutInput): Promise<{ project: ProjectRef; source: string; sites: string[]; record: ImageRecord }> {
  const stored = await deps.store.rollout<Rollout>(input.rolloutId);
  if (!stored) throw unknownRollout(input);
  const { doc } = stored;
  const project = projectOf(stored.project);
  const source = deps.sites.get(doc.source);
  const image = await findImage(source, project, doc.imageId);
  refuseUnfit(doc.source, image);
  return { project, source: doc.source, sites: doc.stages.map((s) => s.site), record: await readRecord(source, project, image, doc.publish ?? false) };
}

/** The job failed or was cancelled: said so, lest it seem to go on for ever. A word to go back stays. */
async function fail(deps: Deps, input: RolloutInput, jobId: string): Promise<void> {
  await change(deps, input, (r) => (goesOn(r) && (r.jobId ?? jobId) === jobId ? { ...r, state: 'failed' } : r));
}

const finish = (deps: Deps, input: RolloutInput): Promise<Rollout> => change(deps, input, (r) => (goesOn(r) ? { ...r, state: 'done' } : r));

/** Waits until this stage may go on, for days if need be; the word is in the database, so that any controller hears it. */
async function gate(deps: Deps, input: RolloutInput, stage: number, s: StepContext): Promise<'on' | 'back'> {
  for (;;) {
    const now = (await deps.store.rollout<Rollout>(input.rolloutId))?.doc;
    if (!now || goesBack(now)) return 'back';
    if (now.approved > stage) {
      if (now.state === 'paused') await change(deps, input, (r) => (r.state === 'paused' ? { ...r, state: 'running' } : r));
      return 'on';
    }
    if (now.state === 'running') await change(deps, input, (r) => (r.state === 'running' && r.approved <= stage ? { ...r, state: 'paused' } : r));
    s.progress({ phase: 'Paused', item: now.stages[stage]?.site ?? '', done: stage, total: now.stages.length, unit: 'steps', message: 'waits for a word: godwit image rollout resume or rollback' });
    await deps.clock.sleep(POLL_MS, s.signal);
  }
}

const goesBack = (r: Rollout): boolean => r.state === 'rolling-back' || r.state === 'rolled-back';

async function copyTo(deps: Deps, input: RolloutInput, source: string, place: WorkPlace, record: ImageRecord, s: StepContext): Promise<void> {
  const site = place.site.name;
  await change(deps, input, atStage(site, (stage) => ({ ...stage, state: 'copying' })));
  if ((await lookAtTarget(place.site, place.project, record)).copy) return;
  const [outcome] = (await relayTo(deps, { source, project: place.project, record, places: [place] }, s)).targets;
  if (outcome?.error) throw new GodwitError(outcome.error.code as `GW_${string}`, 'terminal', outcome.error.message, { site, resource: `image ${record.name}` });
}

async function switchAt(deps: Deps, input: RolloutInput, source: string, place: WorkPlace, record: ImageRecord): Promise<'done' | 'back'> {
  const { site, project, jobId } = place;
  const now = (await deps.store.rollout<Rollout>(input.rolloutId))?.doc;
  // Copied for nothing: the word to go back came meanwhile. What was shown here before still is.
  if (now && goesBack(now)) {
    if (site.name !== source) await dropWorking(place);
    return 'back';
  }
  const projectId = await projectIdAt(site, project);
  const tenant = site.asProject(project);
  const visible = await at(site.name, () => tenant.image.list({ name: record.name, owner: projectId }));
  const [working] = site.name === source ? [] : await at(site.name, () => workingImages(tenant, projectId, jobId));
  const imageId = site.name === source ? record.id : (working ?? (await lookAtTarget(site, project, record)).copy)?.id;
  const old = visible.filter((i) => i.name === record.name && i.owner === projectId && i.id !== imageId).map((i) => i.id);
  // Written down before anything is shown or hidden: a roll back finds both, wherever this is cut.
  await change(deps, input, atStage(site.name, (s) => ({ ...s, superseded: [...new Set([...s.superseded, ...old])], ...(imageId === undefined ? {} : { imageId }) })));
  const shown = site.name === source ? await showAtSource(place, record) : (await publish(site, project, { ...record, hidden: false }, jobId)).imageId;
  await hideOthers(site, project, record, shown);
  await change(deps, input, atStage(site.name, (s) => ({ ...s, state: 'done', imageId: shown })));
  return 'done';
}

/** The source's own image is the measure: it is shown, and nothing else of it is touched. */
async function showAtSource({ site, project }: WorkPlace, record: ImageRecord): Promise<string> {
  if (record.hidden) await at(site.name, () => site.asProject(project).image.update(record.id, [{ op: 'replace', path: '/os_hidden', value: false }]), `image ${record.id}`);
  return record.id;
}

/** Site by site; one that cannot be asked does not keep the others from going back. Run again, it goes on with those that are left. */
async function rollBack(deps: Deps, input: RolloutInput, project: ProjectRef): Promise<Rollout> {
  const now = await change(deps, input, (r) => (r.state === 'rolled-back' ? r : { ...r, state: 'rolling-back' }));
  if (now.state === 'rolled-back') return now;
  let failed: unknown;
  for (const stage of now.stages.toReversed()) {
    // Also one that was cut between writing down and switching.
    if (stage.state === 'rolled-back' || (stage.state === 'waiting' && stage.superseded.length === 0 && stage.imageId === undefined)) continue;
    try {
      const notes = await rollBackAt(deps.sites.get(stage.site), project, stage, stage.site === now.source);
      await change(deps, input, (r) => atStage(stage.site, (s) => ({ ...s, state: 'rolled-back' }))({ ...r, ...(notes.length > 0 ? { notes: [...(r.notes ?? []), ...notes] } : {}) }));
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
  return change(deps, input, (r) => ({ ...r, state: 'rolled-back' }));
}

async function rollBackAt(site: Site, project: ProjectRef, stage: Rollout['stages'][number], isSource: boolean): Promise<string[]> {
  const notes: string[] = [];
  const tenant = site.asProject(project);
  const set = async (id: string, value: boolean): Promise<void> => {
    try {
      await at(site.name, () => tenant.image.update(id, [{ op: 'replace', path: '/os_hidden', value }]), `image ${id}`);
    } catch (error) {
      if (toGodwitError(error).code !== 'GW_RESOURCE_GONE') throw error;
      // Of a new version there is nothing to hide then; of an old one, somebody has deleted what was to be shown.
      if (!value) notes.push(`${site.name}: image ${id}, which was shown before, was deleted`);
    }
  };
  // The old one first: for a moment there are two of the name, never none.
  for (const id of stage.superseded) await set(id, false);
  // Where there was no version before, the bad one is hidden all the same; at the source it stays, as somebody put it there.
  if (stage.imageId !== undefined && (stage.superseded.length > 0 || !isSource)) await set(stage.imageId, true);
  return notes;
}
