import type { Dispatcher } from 'undici';
import { createCompute, type ComputeApi } from './compute/index.ts';
import { createDispatchers, foreignDispatchers, type Dispatchers } from './http/dispatcher.ts';
import { createHttpClient } from './http/http-client.ts';
import { sleep as realSleep, type Sleep } from './http/retry.ts';
import { createRedact } from './http/redact.ts';
import { createIdentity, type IdentityApi } from './identity/index.ts';
import { createImage, type ImageApi } from './image/index.ts';
import { createNetwork, type NetworkApi } from './network/index.ts';
import { createObjectStore, type ObjectStoreApi } from './object-store/index.ts';
import { createPlacement, type PlacementApi } from './placement/index.ts';
import { createService } from './service.ts';
import { versioned } from './session/endpoints.ts';
import { createSession, type Session } from './session/session.ts';
import type { Clock, CloudConfig, RequestEvent, ServiceType } from './types.ts';
import { createVolume, type VolumeApi } from './volume/index.ts';

/** One cloud, as one user: all its services. */
export interface Cloud {
  readonly config: CloudConfig;
  readonly session: Session;
  readonly identity: IdentityApi;
  readonly compute: ComputeApi;
  readonly volume: VolumeApi;
  readonly image: ImageApi;
  readonly network: NetworkApi;
  readonly objectStore: ObjectStoreApi;
  readonly placement: PlacementApi;
  /** Closes the connections; calls under way fail. */
  close(): Promise<void>;
}

export interface CloudDeps {
  readonly clock?: Clock;
  /** How many connections to the cloud at once, each for what may be sent twice and for what may not. Default 16. */
  readonly connections?: number;
  /** Instead of the client's own connections; the TLS settings of the cloud are then the dispatcher's matter. Its owner closes it. */
  readonly dispatcher?: Dispatcher;
  /** Awaited before each attempt of a request that changes something at the cloud; rejecting refuses it, and nothing is sent. */
  readonly beforeChange?: (signal?: AbortSignal) => Promise<void>;
  /** `req-` and a UUID, or undefined: asked for each request, and sent along, so that all services write the same global request id to their logs. */
  readonly globalRequestId?: () => string | undefined;
  /** Hears of every attempt of every request. */
  readonly log?: (event: RequestEvent) => void;
  readonly userAgent?: string;
  readonly sleep?: Sleep;
  /** 0 to 1, for the jitter of waits. */
  readonly random?: () => number;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Does nothing until it is used. */
export function createCloud(config: CloudConfig, deps: CloudDeps = {}): Cloud {
  const clock = deps.clock ?? { now: () => Date.now() };
  let opening: Promise<Dispatchers> | undefined;
  const dispatchers = (): Promise<Dispatchers> => {
    if (deps.dispatcher) return (opening ??= Promise.resolve(foreignDispatchers(deps.dispatcher)));
    if (!opening) {
      const attempt = createDispatchers(config.tls, config.name, deps.connections);
      opening = attempt;
      // A certificate that could not be read is looked for again by the next call.
      attempt.catch(() => {
        if (opening === attempt) opening = undefined;
      });
    }
    return opening;
  };
  const http = createHttpClient({
    cloud: config.name,
    dispatchers,
    clock,
    sleep: deps.sleep ?? realSleep,
    random: deps.random ?? Math.random,
    timeoutMs: config.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    userAgent: deps.userAgent ?? 'godwit-openstack',
    redact: createRedact(config.auth),
    ...(deps.log ? { log: deps.log } : {}),
    ...(deps.beforeChange ? { beforeChange: deps.beforeChange } : {}),
    ...(deps.globalRequestId ? { globalRequestId: deps.globalRequestId } : {}),
  });
  const session = createSession(config, http, clock);
  const service = (type: ServiceType) => createService(type, session, http);
  // Made when first used: of a thousand clouds most are only asked whether they are up.
  let identity: IdentityApi | undefined;
  let compute: ComputeApi | undefined;
  let volume: VolumeApi | undefined;
  let image: ImageApi | undefined;
  let network: NetworkApi | undefined;
  let objectStore: ObjectStoreApi | undefined;
  let placement: PlacementApi | undefined;
  return {
    config,
    session,
    get identity() {
      return (identity ??= createIdentity(service('identity'), (options = {}) =>
        http.send({ service: 'identity', method: 'GET', url: versioned('identity', config.auth.authUrl, undefined), headers: { accept: 'application/json' }, safe: true, options: { ...options, retries: 0 } })));
    },
    get compute() {
      return (compute ??= createCompute(service('compute'), session));
    },
    get volume() {
      return (volume ??= createVolume(service('volume')));
    },
    get image() {
      return (image ??= createImage(service('image')));
    },
    get network() {
      return (network ??= createNetwork(service('network')));
    },
    get objectStore() {
      return (objectStore ??= createObjectStore(service('object-store')));
    },
    get placement() {
      return (placement ??= createPlacement(service('placement'), session));
    },
    close: async () => {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
