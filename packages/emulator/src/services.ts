import { cinder } from './cinder/index.ts';
import { glance } from './glance/index.ts';
import type { ServiceDefinition } from './http/service.ts';
import { keystone } from './keystone/index.ts';
import { neutron } from './neutron/index.ts';
import { createNova } from './nova/index.ts';
import { placement } from './placement/index.ts';

/** A definition's state is its own affair: the world only carries it. */
export const anyService = <S>(definition: ServiceDefinition<S>): ServiceDefinition<unknown> => definition as unknown as ServiceDefinition<unknown>;

export interface ServiceOptions {
  /** How often a guest's writer writes, in milliseconds; 0: never. */
  readonly writerMs?: number;
}

/** All services of a site, in the order in which their states are made. */
export const allServices = (options: ServiceOptions = {}): readonly ServiceDefinition<unknown>[] => [
  anyService(keystone),
  anyService(glance),
  anyService(cinder),
  anyService(neutron),
  anyService(createNova(options)),
  anyService(placement),
];
