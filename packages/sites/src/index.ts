export { GodwitError, type ErrorFacts, type ErrorKind } from './errors.ts';
export { at, toGodwitError } from './translate.ts';
export { configSchema, loadConfig, parseConfig, type GodwitConfig, type SiteConfig, type SiteMapping } from './config.ts';
export { openSites, type RegistryOptions } from './registry.ts';
export { OpenStackSite, type RpcAccess, type SiteDeps } from './site.ts';
export { createNovaCompute, thawQueue, type GuestRef, type NovaCompute } from './nova-compute.ts';
export type { MappedKind, ProjectRef, ServiceCheck, Site, SiteCheck, SiteHealth, SiteRegistry } from './types.ts';
export { createEnvelope, type Envelope, type Wrapper } from './secrets/envelope.ts';
export { openEnvelope } from './secrets/open.ts';
