import { createCloud, type Cloud, type CloudConfig, type CloudDeps } from '@godwit/openstack';
import { createRpcClient, type RpcClient } from '@godwit/oslo-messaging';
import { GodwitError } from './errors.ts';
import { createNovaCompute, type NovaCompute } from './nova-compute.ts';
import type { ProjectRef, Site } from './types.ts';

export interface RpcAccess {
  readonly url: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface SiteDeps {
  readonly createCloud?: (config: CloudConfig, deps: CloudDeps) => Cloud;
  /** Awaited before each change at a site: a controller that has lost a job must not go on changing things for it. */
  readonly beforeChange?: (signal?: AbortSignal) => Promise<void>;
  /** Sent with each request of a job, so that it can be found in the logs of all the site's services. */
  readonly globalRequestId?: () => string | undefined;
  readonly createRpc?: (access: RpcAccess) => RpcClient;
}

/** Who we say that we are in an RPC's context; daemons write it to their logs. */
const rpcContext = { isAdmin: true, userId: 'godwit', projectId: 'godwit', roles: ['admin'] } as const;

export class OpenStackSite implements Site {
  readonly name: string;
  readonly admin: Cloud;
  readonly compute: NovaCompute;
  readonly #cloud: CloudConfig;
  readonly #rpcAccess: RpcAccess | undefined;
  readonly #deps: SiteDeps;
  readonly #projects = new Map<string, Cloud>();
  #rpc: RpcClient | undefined;

  constructor(name: string, cloud: CloudConfig, rpc: RpcAccess | undefined, deps: SiteDeps = {}) {
    this.name = name;
    this.#cloud = cloud;
    this.#rpcAccess = rpc;
    this.#deps = deps;
    this.admin = this.#make(cloud);
    this.compute = createNovaCompute(() => this.rpc(), rpcContext);
  }

  get region(): string | undefined {
    return this.#cloud.regionName;
  }

  get authUrl(): string {
    return this.#cloud.auth.authUrl;
  }

  asProject(project: ProjectRef): Cloud {
    // Names may hold a slash: the two must not run into each other.
    const key = JSON.stringify([project.domain, project.name]);
    let cloud = this.#projects.get(key);
    if (!cloud) {
      const { projectId: _i, projectDomainId: _d, domainId: _x, domainName: _y, systemScope: _s, ...auth } = this.#cloud.auth;
      cloud = this.#make({ ...this.#cloud, name: `${this.#cloud.name} (${project.domain}/${project.name})`, auth: { ...auth, projectName: project.name, projectDomainName: project.domain } });
      this.#projects.set(key, cloud);
    }
    return cloud;
  }

  rpc(): RpcClient {
    if (this.#rpcAccess === undefined) {
      throw new GodwitError('GW_RPC_NOT_CONFIGURED', 'terminal', `${this.name}: no RPC access is configured, so guests cannot be frozen there`, {
        site: this.name,
        action: `Give sites.${this.name}.rpc in godwit.yaml.`,
      });
    }
    this.#rpc ??= (this.#deps.createRpc ?? defaultRpc(this.name))(this.#rpcAccess);
    return this.#rpc;
  }

  async close(): Promise<void> {
    await this.#rpc?.close();
    await Promise.all([this.admin, ...this.#projects.values()].map((c) => c.close()));
  }

  #make(config: CloudConfig): Cloud {
    const { beforeChange, globalRequestId } = this.#deps;
    return (this.#deps.createCloud ?? createCloud)(config, { ...(beforeChange && { beforeChange }), ...(globalRequestId && { globalRequestId }) });
  }
}

const defaultRpc = (site: string) => (access: RpcAccess): RpcClient => {
  const { url, ...tls } = access;
  return createRpcClient({ url, name: `godwit-${site}`, ...(Object.keys(tls).length > 0 ? { tls } : {}) });
};
