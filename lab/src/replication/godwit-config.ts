import type { Topology } from '../topology/schema.ts';

/** What godwit.yaml says of the storage agents: where they call home, and under which key their CA is kept. */
export const replicationConfig = (topology: Topology, masterKeyFile: string): object => ({
  secrets: { masterKeyFile },
  agents: { listen: `${topology.wan.ops}:8791`, reportSeconds: 2 },
});
