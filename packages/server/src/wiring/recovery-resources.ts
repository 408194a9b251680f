import type { Lacking, RecoveryNeeds, RecoveryResources } from '@godwit/protection';
import type { ResourcesService } from '@godwit/resources';
import type { ProjectRef } from '@godwit/sites';

type Asked = Pick<ResourcesService, 'readiness' | 'imagesWantedAt' | 'ensureImage'>;
type Missing = Awaited<ReturnType<Asked['readiness']>>['missing'][number];

/** What use case 3 asks of use case 4: whether a recovery would find at its site what its members need beside their data. */
export function recoveryResources(resources: Asked): RecoveryResources {
  const asker = (project: ProjectRef, owner?: ProjectRef) => ({ userId: '', userName: owner?.name ?? 'godwit', ...(owner && { userDomain: owner.domain }), project, admin: false });
  return {
    async lacking(needs) {
      const { project, from, to } = needs;
      // Only images that somebody said are to be there: a recovery itself reads none.
      const images = (await resources.imagesWantedAt(project, needs.images, to)).map((w) => w.image);
      const { flavors, securityGroups } = needs;
      const owners = [...new Map(needs.keypairs.map(({ owner }) => [`${owner.domain}/${owner.name}`, owner])).values()];
      const answers = await Promise.all([
        resources.readiness(asker(project), { at: to, from, images, flavors: [...flavors], securityGroups: [...securityGroups] }),
        ...owners.map((owner) => resources.readiness(asker(project, owner), { at: to, from, keypairs: needs.keypairs.filter((k) => k.owner === owner || (k.owner.name === owner.name && k.owner.domain === owner.domain)).map((k) => k.name) })),
      ]);
      const missing = answers.flatMap((a) => a.missing);
      const repair = command(needs, missing.filter((m) => m.repairable));
      return { missing: missing.map((m): Lacking => ({ what: words[m.what] ?? m.what, name: m.name, reason: m.reason })), ...(repair === undefined ? {} : { repair }) };
    },
    async fetch({ project, from, to, images }) {
      const jobs: string[] = [];
      for (const { image, source, lazy } of await resources.imagesWantedAt(project, images, to)) {
        if (!lazy) continue;
        const { jobId } = await resources.ensureImage(asker(project), image, to, source === to ? from : source);
        if (jobId !== undefined) jobs.push(jobId);
      }
      return jobs;
    },
  };
}

const words: Readonly<Record<string, string>> = { flavors: 'flavor', 'security-groups': 'security group', keypairs: 'keypair', images: 'image' };
const flags: Readonly<Record<string, string>> = { images: '--image', keypairs: '--keypair', flavors: '--flavor', 'security-groups': '--security-group' };

function command({ from, to }: RecoveryNeeds, repairable: readonly Missing[]): string | undefined {
  if (repairable.length === 0) return undefined;
  const parts = Object.entries(flags).flatMap(([what, flag]) => {
    const names = [...new Set(repairable.filter((m) => m.what === what).map((m) => m.name))];
    return names.length > 0 ? [`${flag} ${quoted(names.join(','))}`] : [];
  });
  return `godwit ready --site ${to} --from ${from} ${parts.join(' ')} --repair`;
}

const quoted = (text: string): string => (/^[\w.,:@%+/-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
