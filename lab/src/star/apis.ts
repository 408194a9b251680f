import { cinder } from '../components/cinder.ts';
import { nova } from '../components/nova.ts';
import type { Component } from '../engine/types.ts';
import type { ComponentName } from '../topology/schema.ts';

/** One API of a whole component, for a site that shows how a real service validates tokens: it needs no broker for that, nor the component's daemons. */
const apiOf = (component: Component, name: ComponentName): Component => ({ ...component, name, services: component.services.filter((s) => s.name === name) });

export const novaApi = apiOf(nova, 'nova-api');
export const cinderApi = apiOf(cinder, 'cinder-api');
