import { toGodwitError } from '@godwit/sites';
import type { Finding } from '../schemas.ts';

/** One check: what it finds missing. It throws when it could not be made at all; that is a finding too. */
export interface Check {
  readonly site: string;
  readonly resource?: string;
  readonly run: () => Promise<readonly Finding[]>;
}

/** Makes all checks side by side and lists everything that is missing, not only the first. */
export async function findAll(checks: readonly Check[]): Promise<Finding[]> {
  const lists = await Promise.all(
    checks.map(async (c) => {
      try {
        return await c.run();
      } catch (error) {
        return [asFinding(error, c.site, c.resource)];
      }
    }),
  );
  const seen = new Set<string>();
  return lists.flat().filter((f) => {
    // A dead service fails many checks in the same words: said once.
    const key = `${f.code}|${f.site ?? ''}|${f.message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

export function asFinding(error: unknown, site: string, resource?: string): Finding {
  const e = toGodwitError(error, resource === undefined ? { site } : { site, resource });
  return {
    code: e.code,
    message: e.message,
    ...(e.site ? { site: e.site } : {}),
    ...(e.resource ? { resource: e.resource } : {}),
    ...(e.action ? { action: e.action } : {}),
    ...(e.requestId ? { requestId: e.requestId } : {}),
  };
}
