import { ports } from '../seed/site-api.ts';
import { siteSpecs } from '../topology/load.ts';
import type { Topology } from '../topology/schema.ts';
import { databasePort, keystonePort, readyPort, starNodes, starOf } from './plan.ts';

/** What godwit.yaml says of the star: the same as an operator would write. */
export function starConfig(topology: Topology, masterKeyFile: string): object {
  const { tokens, rotation, masters } = starOf(topology);
  const nodes = starNodes(topology);
  return {
    secrets: { masterKeyFile },
    agents: { listen: `${topology.wan.ops}:8791`, reportSeconds: 2 },
    identity: {
      tokens,
      fernet: { periodSeconds: rotation.periodSeconds, maxActiveKeys: rotation.maxActiveKeys, scheduled: false },
      credential: { scheduled: false },
      // Each round of probes costs these Keystones two seconds of processor, of a machine that has few.
      probeSeconds: 15,
      repointAfterSeconds: 10,
      returnAfterSeconds: 30,
      sites: Object.fromEntries(
        siteSpecs(topology)
          .filter((site) => nodes.some((n) => n.site.name === site.name))
          .map((site) => [
            site.name,
            {
              role: masters.includes(site.name) ? 'master' : 'replica',
              region: site.name,
              bind: `${site.ip}:${String(ports.identity)}`,
              url: `http://${site.ip}:${String(ports.identity)}/v3`,
              nodes: nodes
                .filter((n) => n.site.name === site.name)
                .map((n) => ({
                  name: n.name, address: `${site.ip}:${String(keystonePort(n.number))}`, ready: `${site.ip}:${String(readyPort(n.number))}`, database: `${site.ip}:${String(databasePort(n.number))}`,
                  ...(n.source === undefined ? {} : { source: n.source }),
                })),
            },
          ]),
      ),
    },
  };
}
