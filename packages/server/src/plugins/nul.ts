import { GodwitError } from '@godwit/sites';
import type { FastifyInstance } from 'fastify';

/**
 * U+0000 in any string of a request is refused before a route sees it: PostgreSQL can keep it in no text, so nothing that Godwit
 * has is called so, and a query for it would fail as if the server were broken.
 */
export function registerNul(app: FastifyInstance): void {
  app.addHook('preValidation', (request, _reply, done) => {
    for (const [where, value] of [['path', request.params], ['query', request.query], ['body', request.body]] as const) {
      const path = nulIn(value, where);
      if (path === undefined) continue;
      done(new GodwitError('GW_INVALID_REQUEST', 'terminal', `${path}: holds the character U+0000`, {
        action: 'Leave it out.', details: { issues: [{ in: where, path, message: 'holds the character U+0000' }] },
      }));
      return;
    }
    done();
  });
}

/** Where in a value a string (or a member's name) holds U+0000. Not recursive: a body may be nested as deep as it is long. */
export function nulIn(value: unknown, at: string): string | undefined {
  const open: { readonly value: unknown; readonly at: string }[] = [{ value, at }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === 'string') {
      if (next.value.includes('\0')) return next.at;
    } else if (typeof next.value === 'object' && next.value !== null) {
      for (const [key, member] of Object.entries(next.value)) {
        if (key.includes('\0')) return next.at;
        open.push({ value: member, at: `${next.at}.${key}` });
      }
    }
  }
  return undefined;
}
