import type { Json } from '../http/service.ts';
import type { ApplicationCredential, KeystoneState, Project, User } from './state.ts';

export const projectView = (p: Project, root: string): Json => ({ ...p, options: {}, links: { self: `${root}/v3/projects/${p.id}` } });

export const userView = (u: User, root: string): Json => ({
  id: u.id, name: u.name, domain_id: u.domain_id, enabled: u.enabled, password_expires_at: null, options: {},
  ...(u.default_project_id !== undefined && { default_project_id: u.default_project_id }),
  ...u.more,
  links: { self: `${root}/v3/users/${u.id}` },
});

export const credentialView = (state: KeystoneState, c: ApplicationCredential, root: string): Json => ({
  id: c.id, name: c.name, description: c.description, user_id: c.user_id, project_id: c.project_id, system: null, unrestricted: c.unrestricted,
  expires_at: c.expiresAt === undefined ? null : new Date(c.expiresAt).toISOString().replace('Z', '000'),
  roles: c.roles.map((id) => ({ id, name: state.roles.get(id)?.name, domain_id: null })),
  links: { self: `${root}/v3/users/${c.user_id}/application_credentials/${c.id}` },
});
