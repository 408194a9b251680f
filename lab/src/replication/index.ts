import type { Component } from '../engine/types.ts';
import type { LaterComponentName } from '../topology/schema.ts';
import { rbdMirror } from './rbd-mirror.ts';
import { storageAgent } from './storage-agent.ts';

/** They run on demand only, and change nothing of a first initialization: this folder is no part of what a kept state is named by. */
export const replication: Readonly<Record<LaterComponentName, Component>> = { 'rbd-mirror': rbdMirror, 'storage-agent': storageAgent };
