import type { Site } from '../core/site.ts';
import type { Compute } from './compute.ts';

/** The daemons of sites, beside their states: what a saved world does not hold. */
const computes = new WeakMap<Site, Compute>();

export const keepCompute = (site: Site, compute: Compute): void => void computes.set(site, compute);

export function compute(site: Site): Compute {
  const found = computes.get(site);
  if (!found) throw new Error(`site ${site.name} has no nova-compute`);
  return found;
}
