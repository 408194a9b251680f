import createRouter, { type HTTPMethod, type Instance } from 'find-my-way';
import type { Method, Route, ServiceDefinition } from './service.ts';

/** A definition with its routes laid out for look-up; one for all sites. */
export interface RouteTable {
  readonly service: ServiceDefinition<unknown>;
  root(method: Method, path: string): Match | undefined;
  find(method: Method, path: string, micro: number): Match | undefined;
  readonly micro: { readonly major: string; readonly min: number; readonly max: number } | undefined;
}

export interface Match {
  readonly route: Route<unknown>;
  readonly params: Readonly<Record<string, string>>;
}

type Store = Route<unknown>[];

function layOut(routes: readonly Route<unknown>[]): (method: Method, path: string) => { routes: Store; params: Record<string, string> } | undefined {
  const router: Instance<never> = createRouter({ ignoreTrailingSlash: true, maxParamLength: 1024 }) as Instance<never>;
  const stores = new Map<string, Store>();
  for (const route of routes) {
    const key = `${route.method} ${route.path}`;
    const store = stores.get(key);
    if (store) {
      store.push(route);
      continue;
    }
    const fresh: Store = [route];
    stores.set(key, fresh);
    router.on(route.method as HTTPMethod, route.path, () => undefined, fresh);
  }
  return (method, path) => {
    const found = router.find(method as HTTPMethod, path);
    return found ? { routes: found.store as Store, params: found.params as Record<string, string> } : undefined;
  };
}

const minor = (version: string): number => Number(version.split('.')[1]);

export function createRouteTable<S>(definition: ServiceDefinition<S>): RouteTable {
  // A handler gets the state that its own definition made: the types meet again in the front.
  const service = definition as unknown as ServiceDefinition<unknown>;
  const root = layOut(service.rootRoutes ?? []);
  const find = layOut(service.routes);
  const { microversions } = service;
  return {
    service,
    root: (method, path) => {
      const found = root(method, path);
      const route = found?.routes[0];
      return route && found ? { route, params: found.params } : undefined;
    },
    find: (method, path, micro) => {
      const found = find(method, path);
      const route = found?.routes.find((r) => micro >= (r.since ?? 0) && micro <= (r.until ?? Infinity));
      return route && found ? { route, params: found.params } : undefined;
    },
    micro: microversions && { major: microversions.min.split('.')[0] ?? '', min: minor(microversions.min), max: minor(microversions.max) },
  };
}
