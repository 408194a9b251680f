import type { Component } from '../engine/types.ts';
import type { ComponentName } from '../topology/schema.ts';
import { ceph } from './ceph.ts';
import { cinder } from './cinder.ts';
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
  'swift-backup': swiftBackup,
};
