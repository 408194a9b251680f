import type { JobRef } from '../api/types.ts';
import { command, string } from '../command.ts';
import { exit } from '../exit-codes.ts';
import { assertSucceeded, watchJob } from '../wait/watch-job.ts';

interface Flags {
  readonly site: string;
  readonly from: string;
  readonly image?: readonly string[];
  readonly keypair?: readonly string[];
  readonly flavor?: readonly string[];
  readonly securityGroup?: readonly string[];
  readonly serverGroup?: readonly string[];
  readonly repair?: boolean;
}

interface Missing {
  readonly what: string;
  readonly name: string;
  readonly reason: string;
  readonly repairable: boolean;
}

const many = (placeholder: string, brief: string) => ({ kind: 'parsed', parse: string, optional: true, variadic: ',', placeholder, brief }) as const;

export const ready = command<Flags>({
  brief: 'Ask whether a site has, identical, what servers need; repair what it lacks',
  description: 'Ends with 1 when something is missing.',
  flags: {
    site: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'The site that is to have it' },
    from: { kind: 'parsed', parse: string, placeholder: 'SITE', brief: 'The site that it is compared with' },
    image: many('NAME', 'Images'),
    keypair: many('NAME', 'Your keypairs'),
    flavor: many('NAME', 'Flavors'),
    securityGroup: many('NAME', 'Security groups'),
    serverGroup: many('NAME', 'Server groups'),
    repair: { kind: 'boolean', optional: true, withNegated: false, brief: 'Bring what is missing, and look again' },
  },
  run: async (cli, { flags }) => {
    const request = { at: flags.site, from: flags.from, images: flags.image ?? [], keypairs: flags.keypair ?? [], flavors: flags.flavor ?? [], securityGroups: flags.securityGroup ?? [], serverGroups: flags.serverGroup ?? [] };
    if (flags.repair === true) {
      const { body } = await cli.api.post<{ jobs: JobRef[] }>('/v1/readiness/repair', request);
      for (const { jobId } of body.jobs) assertSucceeded(await watchJob(cli, jobId));
    }
    const { body: found } = await cli.api.post<{ ready: boolean; at: string; from: string; missing: Missing[]; compared: boolean }>('/v1/readiness', request);
    if (cli.print.format === 'json' || cli.print.format === 'yaml') {
      await cli.print.show(found, [{ key: 'ready', header: 'Ready', value: (f) => f.ready }, { key: 'missing', header: 'Missing', value: (f) => f.missing }, { key: 'compared', header: 'Compared', value: (f) => f.compared }]);
    } else {
      if (found.ready) cli.print.note(`${found.at} has all of it${found.compared ? ', as it is' : `; ${found.from} cannot be asked whether it is the same as`} at ${found.from}`);
      await cli.print.list(found.missing, [
        { key: 'what', header: 'What', value: (m) => m.what },
        { key: 'name', header: 'Name', value: (m) => m.name },
        { key: 'reason', header: 'Reason', value: (m) => m.reason },
        { key: 'repairable', header: '--repair helps', value: (m) => m.repairable, text: (m) => (m.repairable ? 'yes' : 'no') },
      ]);
    }
    return found.ready ? exit.ok : exit.failed;
  },
});
