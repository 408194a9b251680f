import { z } from 'zod';
import type { ErrorFacts } from '../errors.ts';

const problem = z.looseObject({
  code: z.string(),
  message: z.string(),
  kind: z.string().optional(),
  instance: z.string().optional(),
  site: z.string().optional(),
  resource: z.string().optional(),
  action: z.string().optional(),
  requestId: z.string().optional(),
  details: z.unknown().optional(),
});

/** What an error answer says; one that is not godwit-server's (a proxy's, say) is described by its status. */
export function problemFacts(response: { status: number; statusText: string }, text: string, base: string): ErrorFacts {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const parsed = problem.safeParse(body);
  if (parsed.success) {
    const { code, message, kind, instance, site, resource, action, requestId, details } = parsed.data;
    return { code, message, kind, instance, site, resource, action, requestId, details };
  }
  return {
    code: 'GW_SERVER_ANSWER',
    message: `${base} answered ${response.status} ${response.statusText}`.trim(),
    action: 'Something between here and godwit-server answers in its place, or GODWIT_URL is of something else.',
  };
}
