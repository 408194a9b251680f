import { at, projectIdAt, type ProjectRef, type Site } from '@godwit/sites';
import type { ImageRecord } from './record.ts';

/** Hides the project's other images of that name at a site: Glance's own way for a superseded version. They stay, and servers made of them too. */
export async function hideOthers(site: Site, project: ProjectRef, record: Pick<ImageRecord, 'name'>, keepId: string): Promise<string[]> {
  const projectId = await projectIdAt(site, project);
  const tenant = site.asProject(project);
  return at(site.name, async () => {
    const others = (await tenant.image.list({ name: record.name })).filter((i) => i.name === record.name && i.owner === projectId && i.id !== keepId);
    for (const image of others) await tenant.image.update(image.id, [{ op: 'replace', path: '/os_hidden', value: true }]);
    return others.map((i) => i.id);
  }, `image ${record.name}`);
}
