import { z } from 'zod';
import type { Identity } from '../types.ts';

/** What we rely on of what a Keystone says about a token. */
const tokenSchema = z.looseObject({
  expiresAt: z.date(),
  userId: z.string(),
  userName: z.string(),
  userDomainName: z.string().optional(),
  projectName: z.string().optional(),
  projectDomainName: z.string().optional(),
  systemScope: z.boolean().default(false),
  roles: z.array(z.string()),
});

/** Throws a ZodError for an answer that is not a token: better refused than half understood. */
export function readToken(site: string, raw: unknown): Identity {
  const token = tokenSchema.parse(raw);
  const { projectName: name, projectDomainName: domain } = token;
  return {
    userId: token.userId,
    userName: token.userName,
    ...(token.userDomainName !== undefined && { userDomain: token.userDomainName }),
    ...(name !== undefined && domain !== undefined && { project: { name, domain } }),
    system: token.systemScope,
    roles: token.roles,
    site,
    expiresAt: token.expiresAt,
  };
}
