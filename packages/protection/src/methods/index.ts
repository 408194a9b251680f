import type { MethodName } from '../schemas.ts';
import { groupSnapshot } from './group-snapshot/method.ts';
import { replication } from './replication/method.ts';
import { serverImage } from './server-image/method.ts';
import type { Method } from './types.ts';

export const methods: Readonly<Record<MethodName, Method>> = { 'group-snapshot': groupSnapshot, 'server-image': serverImage, replication };

/** What was written before there were several was made by the first. */
export const methodOf = (made: { readonly method?: MethodName | undefined }): Method => methods[made.method ?? 'group-snapshot'];
