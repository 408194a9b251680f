import { at, GodwitError, projectIdAt, type ProjectRef, toGodwitError } from '@godwit/sites';
import type { StepContext, WorkflowContext, WorkflowDefinition } from '@godwit/workflow';
import type { Deps } from '../deps.ts';
import { findImage, lookAtTarget, readRecord, refuseUnfit } from './find.ts';
import { importImage, importRegion } from './import.ts';
import { publish, type Published } from './publish.ts';
import { differences, type ImageRecord } from './record.ts';
import { relayTo, type RelayOutcome } from './relay-to.ts';
import type { CloneOutcome, CloneResult } from './schemas.ts';
import { hideOthers } from './supersede.ts';
import { dropWorking, type WorkPlace } from './working.ts';

export interface CloneInput {
  readonly project: ProjectRef;
  readonly from: string;
  /** Name or id. */
  readonly image: string;
  readonly to: readonly string[];
  readonly method: 'auto' | 'import' | 'relay';
  readonly replace: boolean;
  /** An administrator's clone of a public image is public. */
  readonly admin: boolean;
}

interface TargetPlan {
  readonly site: string;
  /** What is to be done: nothing is sent that is there already. */
  readonly action: 'import' | 'relay' | 'describe' | 'none' | 'fail';
  readonly region?: string;
  readonly imageId?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

interface ClonePlan {
  readonly record: ImageRecord;
  readonly targets: readonly TargetPlan[];
}

/**
 * image-clone: what the source is and what the targets have → the data, by import or by relay, into hidden working images → verified →
 * published by one patch each. Targets stand for themselves: one that fails leaves the others done, and the job says which.
 */
export function cloneWorkflow(deps: Deps): WorkflowDefinition<CloneInput, CloneResult> {
  return {
    name: 'image-clone',
    run: async (ctx: WorkflowContext, input: CloneInput) => {
      const placeOf = (site: string): WorkPlace => ({ site: deps.sites.get(site), project: input.project, jobId: ctx.jobId });
      // A published copy has lost the job's mark: only what is not whole is deleted.
      const undo = async (site: string): Promise<void> => dropWorking(placeOf(site));
      const plan = await ctx.step('survey', (s) => survey(deps, input, s));
      const { record } = plan;
      const planned = (action: TargetPlan['action']): TargetPlan[] => plan.targets.filter((t) => t.action === action);
      const imported = await ctx.all('import', planned('import'), (t) => t.site, (t, s) => tryImport(deps, input, placeOf(t.site), record, t.region ?? '', s), {
        compensate: (_r, _s, t) => undo(t.site),
      });
      // Where Glance could not fetch it itself, it is brought, unless only the import was asked for.
      const missed = imported.filter((i) => i.error !== undefined && input.method !== 'import').map((i) => i.site);
      const relaySites = [...planned('relay').map((t) => t.site), ...missed];
      const feeders = plan.targets.flatMap(({ site, action, imageId }) => ((action === 'none' || action === 'describe') && imageId !== undefined ? [{ site, imageId }] : []));
      let relayed: RelayOutcome = { sourceBytes: 0, targets: [] };
      if (relaySites.length > 0) {
        relayed = await ctx.step('relay', (s) => relayTo(deps, { source: input.from, project: input.project, record, places: relaySites.map(placeOf), feeders }, s), {
          compensate: async () => {
            for (const site of relaySites) await undo(site);
          },
        });
      }
      const there = [
        ...imported.filter((i) => i.error === undefined).map((i) => ({ site: i.site, method: 'import' as const, bytes: record.size })),
        ...relayed.targets.filter((t) => t.error === undefined).map((t) => ({ site: t.site, method: 'relay' as const, bytes: t.bytes })),
        ...planned('describe').map((t) => ({ site: t.site, bytes: 0 })),
      ];
      // Its members come behind the patch: a cancel between them would leave it published, and lent to nobody. Begun, it is ended.
      const published = await ctx.all('publish', there, (t) => t.site, async (t): Promise<Published & { superseded: string[] }> => {
        const site = deps.sites.get(t.site);
        const done = await publish(site, input.project, record, ctx.jobId);
        return { ...done, superseded: input.replace ? await hideOthers(site, input.project, record, done.imageId) : [] };
      }, { uncancellable: true });
      const outcomes = new Map<string, CloneOutcome>();
      for (const t of plan.targets) {
        const nothing = { site: t.site, bytes: 0, changed: [], notes: [], superseded: [] };
        outcomes.set(t.site, t.error ? { ...nothing, outcome: 'failed', error: t.error } : { ...nothing, outcome: 'unchanged', ...(t.imageId === undefined ? {} : { imageId: t.imageId }) });
      }
      for (const f of [...imported, ...relayed.targets]) if (f.error) outcomes.set(f.site, { site: f.site, outcome: 'failed', bytes: 0, changed: [], notes: [], superseded: [], error: f.error });
      for (const [n, t] of there.entries()) {
        const done = published[n];
        if (done) outcomes.set(t.site, { ...t, outcome: 'method' in t ? 'cloned' : 'updated', imageId: done.imageId, changed: [...done.changed], notes: [...done.notes], superseded: done.superseded });
      }
      const result: CloneResult = {
        image: record.name, imageId: record.id, from: input.from, size: record.size, ...(record.hash ? { hash: record.hash } : {}),
        sourceBytes: relayed.sourceBytes, targets: plan.targets.map((t) => outcomes.get(t.site)).filter((o) => o !== undefined),
      };
      const failed = result.targets.filter((t) => t.outcome === 'failed');
      // Thrown from a step, so that what it says is in the journal as it was; the compensations then delete what is half done.
      if (failed.length > 0) await ctx.step('conclude', () => Promise.reject(incomplete(result, failed)));
      return result;
    },
  };
}

/** Everything that can be seen before a byte is sent. A target that cannot be asked, or refuses, fails alone. */
async function survey(deps: Deps, input: CloneInput, s: StepContext): Promise<ClonePlan> {
  s.progress({ phase: 'Surveying' });
  const source = deps.sites.get(input.from);
  const image = await findImage(source, input.project, input.image);
  refuseUnfit(input.from, image);
  const record = await readRecord(source, input.project, image, input.admin);
  const targets = await Promise.all(
    input.to.map(async (site): Promise<TargetPlan> => {
      try {
        return await planTarget(deps, input, record, site);
      } catch (error) {
        const known = toGodwitError(error, { site });
        if (input.to.length === 1) throw known;
        return { site, action: 'fail', error: { code: known.code, message: known.message } };
      }
    }),
  );
  return { record, targets };
}

async function planTarget(deps: Deps, input: CloneInput, record: ImageRecord, name: string): Promise<TargetPlan> {
  const site = deps.sites.get(name);
  await projectIdAt(site, input.project);
  const { copy, conflict } = await lookAtTarget(site, input.project, record);
  if (conflict && !input.replace) {
    throw new GodwitError('GW_IMAGE_CONFLICT', 'terminal', `${name}: the project has another image ${record.name} there, ${conflict.id}`, {
      site: name, resource: `image ${conflict.id}`, action: 'Rename or delete it, or give --replace: it is then hidden (os_hidden), not deleted.',
    });
  }
  if (copy && copy.id === record.id) return { site: name, action: 'none', imageId: copy.id };
  // Members are compared when it is published; that is cheap, and done only where there can be any.
  if (copy) return { site: name, action: differences(copy, record).length > 0 || record.visibility === 'shared' || conflict ? 'describe' : 'none', imageId: copy.id };
  const region = input.method === 'relay' ? undefined : await at(name, () => importRegion(deps.sites.get(input.from), site, input.project));
  if (region !== undefined) return { site: name, action: 'import', region };
  if (input.method === 'import') {
    throw new GodwitError('GW_IMAGE_IMPORT_UNAVAILABLE', 'terminal', `${name}: its Glance cannot fetch from ${input.from} by itself: glance-download is not enabled there, or its Keystone’s catalogue does not have that Glance`, {
      site: name, action: 'Leave the method out: the data is then relayed.',
    });
  }
  return { site: name, action: 'relay' };
}

interface Tried {
  readonly site: string;
  readonly error?: { readonly code: string; readonly message: string };
}

async function tryImport(deps: Deps, input: CloneInput, place: WorkPlace, record: ImageRecord, region: string, s: StepContext): Promise<Tried> {
  const site = place.site.name;
  try {
    await importImage(place, record, { site: input.from, region }, deps.clock, s);
    return { site };
  } catch (error) {
    if (s.signal.aborted) throw error;
    const known = toGodwitError(error, { site });
    if (known.kind !== 'terminal' && s.attempt < IMPORT_ATTEMPTS) throw known;
    s.log(`the import at ${site} failed: ${known.message}`);
    await dropWorking(place).catch(() => undefined);
    return { site, error: { code: known.code, message: known.message } };
  }
}

const IMPORT_ATTEMPTS = 3;

function incomplete(result: CloneResult, failed: readonly CloneOutcome[]): GodwitError {
  const [first] = failed;
  const done = result.targets.length - failed.length;
  if (result.targets.length === 1 && first?.error) return new GodwitError(first.error.code as `GW_${string}`, 'terminal', first.error.message, { site: first.site, resource: `image ${result.image}`, details: result });
  return new GodwitError('GW_CLONE_INCOMPLETE', 'terminal', `image ${result.image} is at ${done} of ${result.targets.length} sites; it is not at ${failed.map((f) => `${f.site} (${f.error?.code ?? ''}: ${f.error?.message ?? ''})`).join(', ')}`, {
    ...(first ? { site: first.site } : {}), resource: `image ${result.image}`, action: 'Mend what is named, then clone again: nothing is sent to the sites that have it.', details: result,
  });
}
