import { createHash } from 'node:crypto';
import type { Cloud, Image } from '@godwit/openstack';
import { at, GodwitError } from '@godwit/sites';
import { removeImage } from '../glance/remove-image.ts';
import { manifestSchema, type Manifest } from './schema.ts';

/**
 * Manifests lie in the recovery site's Glance, as small hidden images of the group's own project: every OpenStack has one, it
 * keeps a checksum of its own, and deleting needs the `protected` flag taken off first.
 */
export const manifestTag = 'godwit-manifest';

export interface StoredManifest {
  readonly imageId: string;
  readonly sha256: string;
}

const imageName = (pointId: string): string => `godwit-manifest-${pointId}`;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes a manifest, reads it back and compares. Written twice, there is still one. */
export async function writeManifest(site: string, tenant: Cloud, manifest: Manifest): Promise<StoredManifest> {
  const bytes = Buffer.from(JSON.stringify(manifestSchema.parse(manifest)));
  const sha256 = digest(bytes);
  return at(site, async () => {
    for (const image of await findImages(tenant, manifest.point.id)) {
      // One that was never filled, or is of an attempt that ended differently, is replaced.
      if (image.status === 'active' && image['godwit_sha256'] === sha256 && digest(await readBytes(tenant, image.id)) === sha256) return { imageId: image.id, sha256 };
      await removeImage(tenant, image.id);
    }
    const image = await tenant.image.create({
      name: imageName(manifest.point.id),
      container_format: 'bare',
      disk_format: 'raw',
      visibility: 'private',
      os_hidden: true,
      protected: true,
      tags: [manifestTag],
      godwit_point: manifest.point.id,
      godwit_group: manifest.group.id,
      godwit_sha256: sha256,
    });
    await tenant.image.upload(image.id, bytes);
    const back = await readBytes(tenant, image.id);
    if (digest(back) !== sha256) throw damaged(site, image.id, 'what was read back is not what was written');
    return { imageId: image.id, sha256 };
  }, `manifest ${manifest.point.id}`);
}

/**
 * Reads one manifest and proves it whole: of several copies, the first that is. Throws GW_MANIFEST_DAMAGED or GW_MANIFEST_MISSING.
 * @param sha256 what the catalogue knows of it: the image lies in the tenant's project, so another one with a checksum of its own is no proof
 */
export async function readManifest(site: string, tenant: Cloud, pointId: string, sha256?: string): Promise<Manifest> {
  return at(site, async () => {
    let unsound: unknown;
    for (const image of (await findImages(tenant, pointId)).filter((i) => i.status === 'active')) {
      try {
        const manifest = parseManifest(site, image, await readBytes(tenant, image.id));
        if (manifest.point.id !== pointId) throw damaged(site, image.id, `it is that of recovery point ${manifest.point.id}`);
        if (sha256 !== undefined && image['godwit_sha256'] !== sha256) throw damaged(site, image.id, 'it is not the one that was written');
        return manifest;
      } catch (error) {
        unsound ??= error;
      }
    }
    if (unsound !== undefined) throw unsound as Error;
    throw new GodwitError('GW_MANIFEST_MISSING', 'terminal', `${site}: the manifest of recovery point ${pointId} is not there`, {
      site,
      resource: `recovery point ${pointId}`,
      action: 'Choose another recovery point, or protect again.',
    });
  }, `manifest ${pointId}`);
}

export function parseManifest(site: string, image: Image, bytes: Uint8Array): Manifest {
  const expected = image['godwit_sha256'];
  if (typeof expected !== 'string' || digest(bytes) !== expected) throw damaged(site, image.id, 'its checksum is wrong');
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw damaged(site, image.id, 'it is no JSON');
  }
  const version = (raw as { version?: unknown } | null)?.version;
  const result = manifestSchema.safeParse(raw);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw damaged(site, image.id, `version ${String(version)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  return result.data;
}

export interface FoundManifest {
  readonly image: Image;
  readonly read: () => Promise<Manifest>;
}

/** Every manifest at a site that this project owns, whole or not. */
export async function listManifests(site: string, tenant: Cloud): Promise<FoundManifest[]> {
  const images = await at(site, () => tenant.image.list({ tag: manifestTag, os_hidden: true }));
  const { projectId } = await tenant.session.token();
  return images
    .filter((i) => i.owner === projectId)
    .map((image) => ({ image, read: () => at(site, async () => parseManifest(site, image, await readBytes(tenant, image.id)), `image ${image.id}`) }));
}

export async function deleteManifest(site: string, tenant: Cloud, pointId: string): Promise<void> {
  await at(site, async () => {
    for (const image of await findImages(tenant, pointId)) await removeImage(tenant, image.id);
  });
}

async function findImages(tenant: Cloud, pointId: string): Promise<Image[]> {
  const { projectId } = await tenant.session.token();
  const images = await tenant.image.list({ name: imageName(pointId), os_hidden: true });
  return images.filter((i) => i.owner === projectId && i.name === imageName(pointId));
}

const maxManifestBytes = 8 * 1024 * 1024;

async function readBytes(tenant: Cloud, id: string): Promise<Buffer> {
  const { stream } = await tenant.image.download(id);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxManifestBytes) break; // its checksum will not match
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const damaged = (site: string, imageId: string, why: string): GodwitError =>
  new GodwitError('GW_MANIFEST_DAMAGED', 'terminal', `${site}: the manifest in image ${imageId} is damaged: ${why}`, {
    site,
    resource: `image ${imageId}`,
    action: 'Recover from another recovery point; this one cannot be trusted.',
  });
