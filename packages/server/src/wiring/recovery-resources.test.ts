import type { ResourcesService } from '@godwit/resources';
import { describe, expect, it } from 'vitest';
import { recoveryResources } from './recovery-resources.ts';

const needs = { project: { name: 'vnf', domain: 'Default' }, from: 'site1', to: 'site2', flavors: ['small'], securityGroups: ['web', 'o’r'], images: ['base', 'other'], keypairs: [{ name: 'ops', owner: { name: 'u1', domain: 'd' } }, { name: 'ops', owner: { name: 'u2', domain: 'd' } }] };

describe('what a recovery asks of the catalogue of resources', () => {
  const asked: unknown[] = [];
  const ensured: string[] = [];
  const resources = recoveryResources({
    imagesWantedAt: () => Promise.resolve([{ image: 'base', source: 'site3', lazy: true }]),
    readiness: (caller, request) => {
      asked.push([caller.userName, caller.admin, request.images ?? [], request.keypairs ?? []]);
      const missing = request.keypairs === undefined
        ? [{ what: 'security-groups', name: 'web', reason: 'it differs', repairable: true }, { what: 'security-groups', name: 'o’r x', reason: 'it differs', repairable: true }, { what: 'flavors', name: 'small', reason: 'another', repairable: false }]
        : [];
      return Promise.resolve({ ready: false, at: 'site2', from: 'site1', compared: true, missing });
    },
    ensureImage: (_caller, image, at, from) => {
      ensured.push(`${image} ${from ?? ''} ${at}`);
      return Promise.resolve({ image, site: at, present: false, jobId: 'j1' });
    },
  } satisfies Pick<ResourcesService, 'readiness' | 'imagesWantedAt' | 'ensureImage'>);

  it('each keypair of its owner, images only as a policy wants them there, and one command that repairs', async () => {
    const { missing, repair } = await resources.lacking(needs);
    expect(asked).toEqual([['godwit', false, ['base'], []], ['u1', false, [], ['ops']], ['u2', false, [], ['ops']]]);
    expect(missing.map((m) => `${m.what} ${m.name}`)).toEqual(['security group web', 'security group o’r x', 'flavor small']);
    expect(repair).toBe("godwit ready --site site2 --from site1 --security-group 'web,o’r x' --repair");
  });

  it('images of lazy policies are asked for, from where the policy has them', async () => {
    expect(await resources.fetch(needs)).toEqual(['j1']);
    expect(ensured).toEqual(['base site3 site2']);
  });
});
