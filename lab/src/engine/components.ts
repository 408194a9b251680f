import { components as frozen } from '../components/index.ts';
import { replication } from '../replication/index.ts';
import type { AnyComponentName } from '../topology/schema.ts';
import type { Component } from './types.ts';

/** All there are: those that decide what a first initialization leaves behind, and those that do all of their own when they are started. */
export const allComponents: Readonly<Record<AnyComponentName, Component>> = { ...frozen, ...replication };
