import { GodwitError, type ErrorKind } from './errors.ts';

interface Coded {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly requestId?: string;
  readonly service?: string;
  readonly status?: number;
}

const isCoded = (e: unknown): e is Coded => e instanceof Error && typeof (e as Partial<Coded>).code === 'string' && typeof (e as Partial<Coded>).kind === 'string';

const cloudsYaml = 'Correct this site’s entry in clouds.yaml.';

/** What an error of a client below us means at the level of sites, and what to do about it. A test holds it against those packages' codes. */
export const meanings: Readonly<Record<string, { code: `GW_${string}`; action: string }>> = {
  OS_UNAUTHORIZED: { code: 'GW_SITE_CREDENTIALS', action: 'Check the user, password and project of this site’s entry in clouds.yaml.' },
  OS_FORBIDDEN: { code: 'GW_SITE_FORBIDDEN', action: 'Give Godwit’s user the role named in docs/operators/roles.md on this project.' },
  OS_NOT_FOUND: { code: 'GW_RESOURCE_GONE', action: 'Someone deleted it; look at the site, then try again.' },
  OS_CONFLICT: { code: 'GW_SITE_CONFLICT', action: 'The resource is being changed by someone else; try again when it is idle.' },
  OS_BAD_REQUEST: { code: 'GW_SITE_REFUSED', action: 'The site does not take this request; the message names the reason.' },
  OS_OVER_LIMIT: { code: 'GW_QUOTA', action: 'Raise the project’s quota at this site or free what is not needed.' },
  OS_RATE_LIMITED: { code: 'GW_SITE_BUSY', action: 'The site limits how often it may be asked: try again later, or have its limit raised for Godwit’s user.' },
  OS_UNAVAILABLE: { code: 'GW_SITE_ERROR', action: 'Look at the named service’s log for the request id.' },
  OS_UNREACHABLE: { code: 'GW_SITE_UNREACHABLE', action: 'Check the network to the site and that its API runs: godwit site check.' },
  OS_TIMEOUT: { code: 'GW_SITE_UNREACHABLE', action: 'The service did not answer in time: godwit site check.' },
  OS_TLS: { code: 'GW_SITE_TLS', action: 'Name the CA that signed the site’s certificate as cacert in clouds.yaml.' },
  OS_MICROVERSION_UNSUPPORTED: { code: 'GW_SITE_TOO_OLD', action: 'The site’s service is older than what this needs.' },
  OS_NOT_SUPPORTED: { code: 'GW_SITE_REFUSED', action: 'The service does not implement this; see its driver’s documentation.' },
  OS_BAD_CHECKSUM: { code: 'GW_SITE_ANSWER', action: 'What was received is not what the service has: try again, then look at what stands between.' },
  OS_ENDPOINT_MISSING: { code: 'GW_CONFIG_INVALID', action: 'The site’s catalogue has no such endpoint: check region and interface of its entry in clouds.yaml.' },
  OS_CONFIG_FILE: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_NO_CLOUD: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_CLOUD_UNKNOWN: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_REGION: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_AUTH_TYPE: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_INCOMPLETE: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_CONFIG_INVALID: { code: 'GW_CONFIG_INVALID', action: cloudsYaml },
  OS_BAD_RESPONSE: { code: 'GW_SITE_ANSWER', action: 'The service answered something unexpected; see docs/errors.md.' },
  RPC_NO_ROUTE: { code: 'GW_DAEMON_ABSENT', action: 'No daemon listens under that host’s name: check nova-compute on it.' },
  RPC_TIMEOUT: { code: 'GW_DAEMON_SILENT', action: 'The daemon took the message but did not answer; look at its log.' },
  RPC_UNREACHABLE: { code: 'GW_BROKER_UNREACHABLE', action: 'Check that the site’s RabbitMQ runs and can be reached from here.' },
  RPC_DISCONNECTED: { code: 'GW_BROKER_LOST', action: 'The link to the site’s RabbitMQ broke; it is taken up again by itself.' },
  RPC_AUTH: { code: 'GW_BROKER_CREDENTIALS', action: 'Check the user, password and vhost in the site’s rpc URL.' },
  RPC_FORBIDDEN: { code: 'GW_BROKER_FORBIDDEN', action: 'The daemon does not let Godwit’s user do this; look at its log.' },
  RPC_REFUSED: { code: 'GW_BROKER_FORBIDDEN', action: 'Give the RabbitMQ user the permissions named in docs/operators/roles.md.' },
  RPC_TLS: { code: 'GW_SITE_TLS', action: 'Name the CA of the site’s RabbitMQ as sites.SITE.rpc.caFile in godwit.yaml.' },
  RPC_BAD_URL: { code: 'GW_CONFIG_INVALID', action: 'Correct sites.SITE.rpc.url (or the file that urlFile names) in godwit.yaml.' },
  RPC_BAD_REQUEST: { code: 'GW_INTERNAL', action: 'A defect of Godwit: report it. Nothing was sent.' },
  RPC_BAD_REPLY: { code: 'GW_DAEMON_ERROR', action: 'The daemon’s answer cannot be read; look at its log.' },
  RPC_NOT_CONFIRMED: { code: 'GW_BROKER_LOST', action: 'The site’s RabbitMQ did not take the message: look at its log for an alarm.' },
  RPC_CLOSED: { code: 'GW_BROKER_LOST', action: 'The link to the site’s RabbitMQ was closed here: the controller stops.' },
  RPC_ABORTED: { code: 'GW_BROKER_LOST', action: 'The call was given up.' },
  RPC_UNSUPPORTED_VERSION: { code: 'GW_SITE_TOO_OLD', action: 'The site’s daemon does not know this RPC version.' },
  RPC_UNSAFE_OBJECT_VERSION: { code: 'GW_UNSAFE_OBJECT_VERSION', action: 'A defect of Godwit: report it. Nothing was sent.' },
  RPC_REMOTE: { code: 'GW_DAEMON_ERROR', action: 'The daemon refused; look at its log.' },
};

/** Glance answers 403 to whoever deletes a protected image, also to an administrator: no role is missing. */
const protectedImage = { code: 'GW_IMAGE_PROTECTED' as const, action: 'Take its protection off first (openstack image set --unprotected), if it is really to go.' };
const isProtected = (error: Coded): boolean => error.code === 'OS_FORBIDDEN' && error.service === 'image' && /is protected/i.test(error.message);

/** Any error as one of ours; one that is ours already stays as it is. The site's name and the resource are added. */
export function toGodwitError(error: unknown, facts: { site?: string; resource?: string; action?: string } = {}): GodwitError {
  if (error instanceof GodwitError) return error;
  if (!isCoded(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return new GodwitError('GW_INTERNAL', 'retryable', text, { ...facts, cause: error });
  }
  if (error.code.startsWith('GW_')) return new GodwitError(error.code as `GW_${string}`, error.kind, error.message, { ...(error as object), ...facts, cause: error });
  const meaning = isProtected(error) ? protectedImage : meanings[error.code] ?? { code: 'GW_SITE_ERROR' as const, action: 'See docs/errors.md.' };
  const where = facts.site === undefined ? '' : `${facts.site}: `;
  return new GodwitError(meaning.code, error.kind, where + error.message, {
    site: facts.site,
    resource: facts.resource,
    requestId: error.requestId,
    action: facts.action ?? meaning.action,
    cause: error,
  });
}

/** Runs a piece of work against a site and translates what it throws. */
export async function at<T>(site: string, work: () => Promise<T>, resource?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toGodwitError(error, resource === undefined ? { site } : { site, resource });
  }
}
