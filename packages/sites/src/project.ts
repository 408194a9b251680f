import { GodwitError } from './errors.ts';
import { at } from './translate.ts';
import type { ProjectRef, Site } from './types.ts';

/** `<domain>/<name>`, as jobs are labelled and rows kept; a slash in a domain's name is escaped, lest domain `a/b`, project `c` be taken for domain `a`, project `b/c`. */
export const projectKey = (p: ProjectRef): string => `${p.domain.replaceAll('%', '%25').replaceAll('/', '%2F')}/${p.name}`;

export const projectOf = (key: string): ProjectRef => {
  const slash = key.indexOf('/');
  return { domain: key.slice(0, slash).replaceAll('%2F', '/').replaceAll('%25', '%'), name: key.slice(slash + 1) };
};

/** The caller's project, or an error that says that the token has none. */
export function callerProject(caller: { readonly project?: ProjectRef | undefined }): ProjectRef {
  if (caller.project) return caller.project;
  throw new GodwitError('GW_NO_PROJECT', 'terminal', 'your token is for no project', { action: 'Name one: OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME.' });
}

/** The project's id at a site, by logging in to it. GW_PROJECT_NOT_SERVED where Godwit's user has no role in it. */
export async function projectIdAt(site: Site, project: ProjectRef): Promise<string> {
  const { projectId } = await at(site.name, () => site.asProject(project).session.token().catch(async (error: unknown) => {
    const { code } = error as { code?: string };
    if (code !== 'OS_UNAUTHORIZED' && code !== 'OS_FORBIDDEN') throw error;
    // Keystone answers a wrong password likewise: that shows here.
    await site.admin.session.token();
    throw new GodwitError('GW_PROJECT_NOT_SERVED', 'terminal', `${site.name}: Godwit’s user has no role in project ${projectKey(project)}, or there is no such project`, {
      site: site.name, resource: `project ${projectKey(project)}`, action: 'Make the project there and give Godwit’s user the roles of docs/operators/roles.md.', cause: error,
    });
  }), `project ${project.name}`);
  return projectId ?? '';
}
