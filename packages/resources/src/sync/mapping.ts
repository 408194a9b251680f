import type { MappedKind, SiteRegistry } from '@godwit/sites';
import type { SyncKind } from './types.ts';

/** What godwit.yaml says of names that differ between a site and the one that is the measure. */
export interface Mapping {
  /**
   * Whether a name stands for something of the site's own: whoever wrote the mapping chose what takes its place there, so it is neither
   * compared nor made nor changed. Also true of the stand-in's own name.
   */
  readonly apart: (kind: SyncKind, name: string) => boolean;
  /** The name at the measure of a security group that a rule names. */
  readonly common: (group: string) => string;
  /** And the other way. */
  readonly local: (group: string) => string;
}

const mappedKinds: Partial<Record<SyncKind, MappedKind>> = { flavors: 'flavors', 'security-groups': 'securityGroups' };

export function mappingOf(sites: Pick<SiteRegistry, 'map'>, measure: string, site: string): Mapping {
  const there = (what: MappedKind, name: string): string => (site === measure ? name : sites.map(measure, site, what, name));
  const back = (what: MappedKind, name: string): string => (site === measure ? name : sites.map(site, measure, what, name));
  return {
    apart: (kind, name) => {
      const what = mappedKinds[kind];
      return what !== undefined && (there(what, name) !== name || back(what, name) !== name);
    },
    common: (group) => back('securityGroups', group),
    local: (group) => there('securityGroups', group),
  };
}
