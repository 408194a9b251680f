import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { webobError } from '../src/shapes/base.ts';
import { anyImage, images, manifestImage, pageOfImages, queuedManifest } from '../src/shapes/image.ts';
import { answers, NO_UUID, raw, refuses, type Suite } from '../src/suite.ts';

const gone = { status: 404, body: webobError('404 Not Found', /^No image found with ID [0-9a-f-]{36}<br/), code: 'OS_NOT_FOUND', godwit: 'GW_RESOURCE_GONE' } as const;
const forbidden = (message: RegExp) => ({ status: 403, body: webobError('403 Forbidden', message), code: 'OS_FORBIDDEN', godwit: 'GW_SITE_FORBIDDEN' }) as const;
const conflict = (message: RegExp) => ({ status: 409, body: webobError('409 Conflict', message), code: 'OS_CONFLICT', godwit: 'GW_SITE_CONFLICT' }) as const;
/** To a client that accepts bytes Glance says it in plain text. */
const goneInWords = { ...gone, body: z.string().regex(/^404 Not Found\s+No image found with ID /) } as const;

export function image(suite: Suite): void {
  describe('image', () => {
    it('a manifest: made hidden and protected, filled, read back, found, freed and deleted', async () => {
      const [godwit, tenant, stranger, auditor] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('stranger'), await suite.cloud('auditor')];
      const read = async (id: string, cloud = godwit): Promise<string> => {
        const { stream } = await cloud.image.download(id);
        const chunks: Buffer[] = [];
        for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
        return Buffer.concat(chunks).toString();
      };
      const name = 'godwit-manifest-contract';
      const made = await answers(
        () => godwit.image.create({ name, container_format: 'bare', disk_format: 'raw', visibility: 'private', os_hidden: true, protected: true, min_disk: 0, min_ram: 0, tags: ['godwit-manifest'], godwit_point: 'p', godwit_group: 'g', godwit_sha256: 's' }),
        { status: 201, body: queuedManifest, headers: { location: /\/v2\/images\/[0-9a-f-]{36}$/ } },
      );
      const { id } = made;
      await answers(() => godwit.image.get(id), { status: 200, body: queuedManifest });
      // An image without data is no error to Glance: 204, so nothing to read.
      await answers(() => godwit.image.download(id).catch(() => undefined), { status: 204 });
      await answers(() => godwit.image.upload(id, Buffer.from('{"version":1}')), { status: 204 });
      const full = await answers(() => godwit.image.get(id), { status: 200, body: manifestImage });
      expect(full).toMatchObject({ size: 13, checksum: '77efb8e3fa276d4674932392a66555e4', owner: await suite.projectId('tenant'), protected: true, os_hidden: true });
      await refuses(() => godwit.image.upload(id, Buffer.from('{"version":2}')), conflict(/^Image status transition from active to saving is not allowed/));
      expect(await read(id)).toBe('{"version":1}');

      const found = async (query: Record<string, string | boolean>): Promise<string[]> => (await answers(() => godwit.image.list(query), { status: 200, body: images(manifestImage) })).map((i) => i.id);
      expect(await found({ name, os_hidden: true })).toEqual([id]);
      expect(await found({ tag: 'godwit-manifest', os_hidden: true })).toEqual([id]);
      expect(await found({ tag: 'godwit-manifest' })).toEqual([]);
      expect((await tenant.image.get(id)).name).toBe(name);
      await refuses(() => stranger.image.get(id), gone);
      await refuses(() => stranger.image.download(id), goneInWords);

      await refuses(() => godwit.image.delete(id), { ...forbidden(/^Image [0-9a-f-]{36} is protected and cannot be deleted\./), godwit: 'GW_IMAGE_PROTECTED' });
      await refuses(() => auditor.image.update(id, [{ op: 'replace', path: '/protected', value: false }]), forbidden(/^You are not authorized to complete modify_image action\./));
      const free = await answers(() => godwit.image.update(id, [{ op: 'replace', path: '/protected', value: false }]), { status: 200, body: manifestImage });
      expect(free.protected).toBe(false);
      await refuses(() => godwit.image.update(id, [{ op: 'replace', path: '/nothing', value: 'x' }]), conflict(/Property nothing does not exist\./));
      await refuses(() => auditor.image.delete(id), forbidden(/^You are not authorized to complete delete_image action\./));
      await answers(() => godwit.image.delete(id), { status: 204 });
      await refuses(() => godwit.image.get(id), gone);
      await refuses(() => godwit.image.update(id, [{ op: 'replace', path: '/protected', value: false }]), gone);
      await refuses(() => godwit.image.delete(id), { ...gone, body: webobError('404 Not Found', /^Failed to find image [0-9a-f-]{36} to delete/) });
      await refuses(() => godwit.image.download(NO_UUID), goneInWords);
      await refuses(() => godwit.image.upload(NO_UUID, Buffer.from('x')), gone);
    });

    it('lists: a limit, pages, filters', async () => {
      const [godwit, service] = [await suite.cloud('godwit'), await suite.cloud('service')];
      await answers(() => service.image.list({ limit: 1 }), { status: 200, body: pageOfImages(anyImage) });
      expect((await answers(() => godwit.image.list(), { status: 200, body: images(anyImage) })).map((i) => i.name)).toContain('godwit-guest');
      expect(await godwit.image.list({ name: 'nothing' })).toEqual([]);
      // A filter that Glance does not know is a property's name: nothing has it.
      expect(await godwit.image.list({ colour: 'red' })).toEqual([]);
      await refuses(() => godwit.image.list({ limit: 'abc' }), { status: 400, body: webobError('400 Bad Request', /^limit param must be an integer/), code: 'OS_BAD_REQUEST', godwit: 'GW_SITE_REFUSED' });
    });

    it('refuses to make what may not be', async () => {
      const [godwit, tenant, auditor] = [await suite.cloud('godwit'), await suite.cloud('tenant'), await suite.cloud('auditor')];
      await refuses(() => auditor.image.create({ name: 'contract' }), forbidden(/^You are not authorized to complete add_image action\./));
      await refuses(() => tenant.image.create({ name: 'contract', visibility: 'public' }), forbidden(/^You are not authorized to complete publicize_image action\./));
      await refuses(() => godwit.image.create({ name: 'contract', disk_format: 'floppy' }), { status: 400, body: webobError('400 Bad Request', /'floppy' is not one of/), code: 'OS_BAD_REQUEST', godwit: 'GW_SITE_REFUSED' });
    });

    it('refuses what is no token, no JSON, no path', async () => {
      const cloud = await suite.cloud('tenant');
      await raw(cloud, 'image', (url) => suite.target.send('GET', `${url}/images`, { 'x-auth-token': 'gibberish' }), { status: 401, requestId: false, body: webobError('401 Unauthorized', /^This server could not verify that you are authorized/) });
      await raw(cloud, 'image', (url, token) => suite.target.send('POST', `${url}/images`, { 'x-auth-token': token, 'content-type': 'application/json' }, '{"name":'), { status: 400, body: webobError('400 Bad Request', /^Malformed JSON in request body\./) });
      await raw(cloud, 'image', (url, token) => suite.target.send('GET', `${url}/nothing`, { 'x-auth-token': token }), { status: 404, body: webobError('404 Not Found', /^The resource could not be found\./) });
    });
  });
}
