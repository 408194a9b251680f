import * as z from 'zod';
import { maybe, stringMap } from '../fields.ts';
import { listAll } from '../paginate.ts';
import { seg, type Service } from '../service.ts';
import type { CallOptions, Query } from '../types.ts';
import { WANT } from './version.ts';

export const volumeTypeSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  description: z.string().nullish(),
  is_public: maybe(z.boolean()),
  /** Only an administrator sees all of them. */
  extra_specs: maybe(stringMap()),
});
export type VolumeType = z.infer<typeof volumeTypeSchema>;

const one = z.looseObject({ volume_type: volumeTypeSchema });

const specsAnswer = z.looseObject({ extra_specs: stringMap() });

export function createVolumeTypes(service: Service) {
  return {
    list: (query: Query = {}, options?: CallOptions): Promise<VolumeType[]> =>
      listAll(service, { path: '/types', key: 'volume_types', item: volumeTypeSchema, query, version: WANT }, options),
    get: async (id: string, options?: CallOptions): Promise<VolumeType> =>
      (await service.json({ method: 'GET', path: `/types/${seg(id)}`, version: WANT }, one, options)).volume_type,
    create: async (
      { is_public, ...body }: { readonly name: string; readonly description?: string; readonly is_public?: boolean; readonly extra_specs?: Readonly<Record<string, string>> },
      options?: CallOptions,
    ): Promise<VolumeType> => {
      const volume_type = { ...body, ...(is_public === undefined ? {} : { 'os-volume-type-access:is_public': is_public }) };
      return (await service.json({ method: 'POST', path: '/types', body: { volume_type }, version: WANT }, one, options)).volume_type;
    },
    delete: async (id: string, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'DELETE', path: `/types/${seg(id)}`, version: WANT }, options);
    },
    extraSpecs: async (id: string, options?: CallOptions): Promise<Record<string, string>> =>
      (await service.json({ method: 'GET', path: `/types/${seg(id)}/extra_specs`, version: WANT }, specsAnswer, options)).extra_specs,
    setExtraSpecs: async (id: string, extra_specs: Readonly<Record<string, string>>, options?: CallOptions): Promise<void> => {
      await service.send({ method: 'POST', path: `/types/${seg(id)}/extra_specs`, body: { extra_specs }, version: WANT, safe: true }, options);
    },
  };
}
