import * as z from 'zod';
import { maybe, orElse } from '../fields.ts';

const named = z.looseObject({ id: z.string(), name: z.string() });
const project = z.looseObject({ id: z.string(), name: z.string(), domain: maybe(named.partial()) });

const endpoint = z.looseObject({ url: z.string(), interface: z.string(), region: z.string().nullish(), region_id: z.string().nullish() });
export const catalogEntry = z.looseObject({ type: z.string(), name: maybe(z.string()), endpoints: orElse(z.array(endpoint), []) });

export const tokenBody = z.looseObject({
  token: z.looseObject({
    expires_at: z.string(),
    issued_at: maybe(z.string()),
    user: z.looseObject({ id: z.string(), name: z.string(), domain: maybe(named.partial()) }),
    project: maybe(project),
    domain: maybe(named),
    system: maybe(z.looseObject({ all: maybe(z.boolean()) })),
    roles: orElse(z.array(named), []),
    catalog: orElse(z.array(catalogEntry), []),
  }),
});

export type CatalogEntry = z.infer<typeof catalogEntry>;

/** What Keystone says about a token: whose it is, for what, and until when. */
export interface TokenInfo {
  readonly expiresAt: Date;
  readonly issuedAt?: Date;
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId?: string;
  readonly userDomainName?: string;
  /** Absent for a token that is scoped to a domain, to the system, or not at all. */
  readonly projectId?: string;
  readonly projectName?: string;
  readonly projectDomainId?: string;
  readonly projectDomainName?: string;
  readonly domainId?: string;
  readonly systemScope: boolean;
  /** Names. */
  readonly roles: string[];
  readonly catalog: readonly CatalogEntry[];
}

export interface Token extends TokenInfo {
  /** The secret itself. */
  readonly id: string;
}

export function tokenInfo(body: z.infer<typeof tokenBody>): TokenInfo {
  const { token } = body;
  const optional = <K extends string>(key: K, value: string | undefined): { [P in K]?: string } => (value === undefined ? {} : ({ [key]: value } as { [P in K]: string }));
  return {
    expiresAt: new Date(token.expires_at),
    ...(token.issued_at === undefined ? {} : { issuedAt: new Date(token.issued_at) }),
    userId: token.user.id,
    userName: token.user.name,
    ...optional('userDomainId', token.user.domain?.id),
    ...optional('userDomainName', token.user.domain?.name),
    ...optional('projectId', token.project?.id),
    ...optional('projectName', token.project?.name),
    ...optional('projectDomainId', token.project?.domain?.id),
    ...optional('projectDomainName', token.project?.domain?.name),
    ...optional('domainId', token.domain?.id),
    systemScope: token.system !== undefined,
    roles: token.roles.map((role) => role.name),
    catalog: token.catalog,
  };
}
