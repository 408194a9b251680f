import type { Component } from '../engine/types.ts';
import { agent1, agent2 } from '../star/agent.ts';
import { cinderApi, novaApi } from '../star/apis.ts';
import { starCatalogue } from '../star/catalogue.ts';
import { galera, garbd } from '../star/galera.ts';
import { haproxy } from '../star/haproxy.ts';
import { keystone1, keystone2 } from '../star/keystone-node.ts';
import { replica1, replica2 } from '../star/replica.ts';
import type { ComponentName } from '../topology/schema.ts';
import { ceph } from './ceph.ts';
import { cinder } from './cinder.ts';
import { glanceShared } from './glance-shared.ts';
import { glance } from './glance.ts';
import { keystone } from './keystone.ts';
import { libvirt } from './libvirt.ts';
import { mariadb } from './mariadb.ts';
import { memcached } from './memcached.ts';
import { neutron } from './neutron.ts';
import { nova } from './nova.ts';
import { openvswitch } from './openvswitch.ts';
import { placement } from './placement.ts';
import { rabbitmq } from './rabbitmq.ts';
import { swiftBackup } from './swift-backup.ts';
import { swift } from './swift.ts';

export const components: Readonly<Record<ComponentName, Component>> = {
  ceph, cinder, glance, keystone, libvirt, mariadb, memcached, neutron, nova, openvswitch, placement, rabbitmq, swift,
  'swift-backup': swiftBackup, 'glance-shared': glanceShared,
  galera, garbd, haproxy, 'star-catalogue': starCatalogue, 'replica-1': replica1, 'replica-2': replica2, 'keystone-1': keystone1, 'keystone-2': keystone2,
  'agent-1': agent1, 'agent-2': agent2, 'nova-api': novaApi, 'cinder-api': cinderApi,
};
