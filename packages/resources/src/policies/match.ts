import type { Image } from '@godwit/openstack';
import { at, projectIdAt, type ProjectRef, type Site } from '@godwit/sites';
import { marks } from '../images/record.ts';
import type { StoredPolicy } from '../store/store.ts';
import { selected } from '../sync/types.ts';
import type { ImagePolicy } from './schemas.ts';

export const covers = (policy: Partial<Pick<ImagePolicy, 'images' | 'tags'>>, image: Pick<Image, 'name' | 'tags'>): boolean => selected({ names: policy.images, tags: policy.tags }, image.name ?? '', image.tags);

/** A project's own images that can be had by name: of several of one name, the newest. */
export async function currentImages(site: Site, project: ProjectRef): Promise<Image[]> {
  const projectId = await projectIdAt(site, project);
  const images = await at(site.name, () => site.asProject(project).image.list({ owner: projectId, status: 'active' }));
  const newest = new Map<string, Image>();
  for (const image of images.filter((i) => i.owner === projectId && i.name && i.os_hidden !== true && i[marks.job] === undefined && !i.name.startsWith('godwit-') && (i.size ?? 0) > 0)) {
    const known = newest.get(image.name ?? '');
    if (!known || (known.created_at ?? '') < (image.created_at ?? '')) newest.set(image.name ?? '', image);
  }
  return [...newest.values()];
}

/** `none` goes before all others: what it names is left where it is. */
export function excluded(image: Image, policies: readonly StoredPolicy<ImagePolicy>[]): boolean {
  return policies.some((p) => p.doc.mode === 'none' && covers(p.doc, image));
}

/**
 * The policy by which an image that only its name is known of is to be at a site, if any. A policy that goes by tags is for those that have
 * them: for it, and wherever a `none` goes by them, the image is looked up where the policy has it from. One that cannot be looked up is
 * nobody's.
 */
export async function policyFor(policies: readonly StoredPolicy<ImagePolicy>[], name: string, isFor: (policy: ImagePolicy) => boolean, lookUp: (site: string, name: string) => Promise<Pick<Image, 'name' | 'tags'> | undefined>): Promise<ImagePolicy | undefined> {
  const byName = (p: ImagePolicy): boolean => covers({ images: p.images }, { name, tags: [] });
  const bars = policies.filter((p) => p.doc.mode === 'none' && byName(p.doc));
  if (bars.some((p) => p.doc.tags === undefined)) return undefined;
  for (const { doc } of policies.filter((p) => p.doc.mode !== 'none' && isFor(p.doc) && byName(p.doc))) {
    if (doc.tags === undefined && bars.length === 0) return doc;
    const image = await lookUp(doc.source, name);
    if (image && covers({ tags: doc.tags }, image) && !bars.some((p) => covers({ tags: p.doc.tags }, image))) return doc;
  }
  return undefined;
}
