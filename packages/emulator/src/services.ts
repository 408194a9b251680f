import { cinder } from './cinder/index.ts';
import { glance } from './glance/index.ts';
import type { ServiceDefinition } from './http/service.ts';
import { keystone } from './keystone/index.ts';

/** A definition's state is its own affair: the world only carries it. */
export const anyService = <S>(definition: ServiceDefinition<S>): ServiceDefinition<unknown> => definition as unknown as ServiceDefinition<unknown>;

/** All services of a site, in the order in which their states are made. */
export const allServices: readonly ServiceDefinition<unknown>[] = [anyService(keystone), anyService(glance), anyService(cinder)];
