import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { GodwitError } from './errors.ts';
import { completeIdentity, identitySchema, type IdentityConfig } from './identity-config.ts';
import { refuseUnsafePolicy } from './rotation-policy.ts';

const names = z.record(z.string(), z.string()).default({});

const rpcSchema = z
  .strictObject({
    url: z.string().optional().describe('amqp://user:password@host:5672/vhost; better in a file'),
    urlFile: z.string().optional(),
    caFile: z.string().optional(),
    certFile: z.string().optional(),
    keyFile: z.string().optional(),
  })
  .refine((r) => (r.url === undefined) !== (r.urlFile === undefined), 'give one of url and urlFile');

const siteSchema = z.strictObject({
  cloud: z.string().describe('entry of clouds.yaml: Godwit’s service user at this site'),
  cloudsFile: z.string().optional().describe('default: where every OpenStack tool looks'),
  region: z.string().optional(),
  rpc: rpcSchema.optional().describe('the RabbitMQ of the site’s Nova cell; needed to freeze guests'),
});

const mappingSchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  flavors: names,
  networks: names,
  volumeTypes: names,
  securityGroups: names,
  availabilityZones: names,
});

const secretsSchema = z
  .strictObject({
    masterKeyFile: z.string().optional().describe('mode 0600, 32 bytes in base64 a line; the first seals, the others open what is older'),
    kmsCommand: z.array(z.string()).min(1).optional().describe('called with `wrap` or `unwrap`; base64 on stdin, a line on stdout'),
  })
  .refine((s) => s.masterKeyFile !== undefined || s.kmsCommand !== undefined, 'give masterKeyFile or kmsCommand');

const agentsSchema = z.strictObject({
  listen: z.string().regex(/^.+:\d+$/).describe('where agents call home to: a listener of its own, with mutual TLS'),
  advertise: z.string().regex(/^.+:\d+$/).optional().describe('this controller’s address as agents reach it; they are told those of all controllers'),
  certificateDays: z.number().positive().max(90).default(7),
  reportSeconds: z.number().positive().max(300).default(5),
  maxAgents: z.number().int().positive().default(5_000),
});

export const configSchema = z.strictObject({
  sites: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/), siteSchema).refine((s) => Object.keys(s).length > 0, 'declare at least one site'),
  mappings: z.array(mappingSchema).default([]).describe('names that differ between two sites; what is not named is called the same at both'),
  server: z
    .strictObject({
      listen: z.string().regex(/^.+:\d+$/).default('127.0.0.1:8790'),
      tls: z.strictObject({ certFile: z.string(), keyFile: z.string() }).optional(),
      publicUrl: z.url().optional().describe('where the sites’ services reach this server: for images that a Glance fetches through it'),
      roles: z
        .strictObject({
          admin: z.array(z.string()).default(['admin']),
          member: z.array(z.string()).default(['member']),
          reader: z.array(z.string()).default(['reader']),
        })
        .prefault({}),
    })
    .prefault({}),
  database: z.strictObject({ embedded: z.string().optional(), urlFile: z.string().optional() }).prefault({}),
  secrets: secretsSchema.optional().describe('the master key under which Godwit’s own secrets are sealed in the database'),
  agents: agentsSchema.optional().describe('needs `secrets`'),
  identity: identitySchema.optional().describe('the Keystone star; left out: every site keeps the Keystone it has'),
});

/** godwit.yaml, checked and with its relative paths resolved against the file's own directory. */
export type GodwitConfig = z.infer<typeof configSchema>;
export type SiteConfig = GodwitConfig['sites'][string];
export type SiteMapping = GodwitConfig['mappings'][number];

/** Throws GW_CONFIG_INVALID naming the file, and each path in it that is wrong. */
export async function loadConfig(file: string): Promise<GodwitConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw invalid(file, (cause as Error).message, cause);
  }
  return parseConfig(text, file);
}

export function parseConfig(text: string, file: string): GodwitConfig {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (cause) {
    throw invalid(file, (cause as Error).message, cause);
  }
  const result = configSchema.safeParse(raw);
  if (!result.success) {
    throw invalid(file, result.error.issues.map((i) => `${i.path.join('.') || 'file'}: ${i.message}`).join('; '), result.error);
  }
  const config = result.data;
  const dir = dirname(resolve(file));
  const abs = <T extends string | undefined>(p: T): T => (p === undefined ? p : (resolve(dir, p) as T));
  for (const mapping of config.mappings) {
    for (const end of [mapping.from, mapping.to]) {
      if (!Object.hasOwn(config.sites, end)) throw invalid(file, `mappings: there is no site ${end}; sites: ${Object.keys(config.sites).join(', ')}`);
    }
  }
  const sites = Object.fromEntries(
    Object.entries(config.sites).map(([name, s]) => [
      name,
      {
        ...s,
        cloudsFile: abs(s.cloudsFile),
        rpc: s.rpc && { ...s.rpc, urlFile: abs(s.rpc.urlFile), caFile: abs(s.rpc.caFile), certFile: abs(s.rpc.certFile), keyFile: abs(s.rpc.keyFile) },
      },
    ]),
  );
  if (config.agents && !config.secrets) throw invalid(file, 'agents: the key of their CA is kept sealed: configure secrets');
  const tls = config.server.tls && { certFile: abs(config.server.tls.certFile), keyFile: abs(config.server.tls.keyFile) };
  return {
    ...config,
    sites,
    server: { ...config.server, tls },
    database: { embedded: abs(config.database.embedded), urlFile: abs(config.database.urlFile) },
    ...(config.secrets && { secrets: { ...config.secrets, masterKeyFile: abs(config.secrets.masterKeyFile) } }),
    identity: config.identity && identityOf(config.identity, config, file),
  };
}

function identityOf(given: IdentityConfig, all: Pick<GodwitConfig, 'sites' | 'agents' | 'secrets'>, file: string): IdentityConfig {
  const { config, wrong } = completeIdentity(given, Object.keys(all.sites));
  if (all.agents === undefined || all.secrets === undefined) throw invalid(file, 'identity: needs `agents` (its hands at the nodes) and `secrets` (the master key under which it keeps keys)');
  if (wrong.length > 0) throw invalid(file, wrong.join('; '));
  refuseUnsafePolicy({ ...config.tokens, ...config.fernet }, `${file}: identity.fernet`);
  return config;
}

function invalid(file: string, what: string, cause?: unknown): GodwitError {
  return new GodwitError('GW_CONFIG_INVALID', 'terminal', `${file}: ${what}`, {
    resource: file,
    action: 'Correct the file; docs/operators/configuration.md lists every key.',
    cause,
  });
}
