import type { Component } from '../engine/types.ts';
import type { NodeNumber } from './plan.ts';

function agent(n: NodeNumber): Component {
  return { name: `agent-${n}`, files: () => [], init: [], services: [] };
}

export const agent1 = agent(1);
export const agent2 = agent(2);
