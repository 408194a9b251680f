import type { Cloud } from '@godwit/openstack';
import { isNotFound } from '../not-found.ts';

/** Deletes an image that is `protected`; one that is not there is success. */
export async function removeImage(tenant: Cloud, id: string): Promise<void> {
  try {
    await tenant.image.update(id, [{ op: 'replace', path: '/protected', value: false }]);
    await tenant.image.delete(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
