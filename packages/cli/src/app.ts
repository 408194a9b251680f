import { type Application, buildApplication, buildRouteMap, text_en } from '@stricli/core';
import type { Context } from './command.ts';
import { agentRoutes } from './commands/agent.ts';
import { catalogRoutes } from './commands/catalog.ts';
import { eventRoutes } from './commands/event.ts';
import { groupRoutes } from './commands/group.ts';
import { imageRoutes } from './commands/image.ts';
import { identityRoutes } from './commands/identity.ts';
import { jobRoutes } from './commands/job.ts';
import { vipRoutes } from './commands/vip.ts';
import { gatewayRoutes } from './commands/gateway.ts';
import { networkRoutes, remotePortRoutes } from './commands/network.ts';
import { protect } from './commands/protect.ts';
import { recover } from './commands/recover.ts';
import { recoveryPointRoutes } from './commands/recovery-point.ts';
import { serverRoutes } from './commands/server.ts';
import { siteRoutes } from './commands/site.ts';
import { addressRoutes, inventory, usage as showUsage } from './commands/inventory.ts';
import { quotaRoutes } from './commands/quota.ts';
import { ready } from './commands/ready.ts';
import { syncRoutes } from './commands/sync.ts';
import { completion } from './commands/completion.ts';

/** @param json errors of usage as JSON, as the others with -f json */
export function makeApp(version: string, json = false): Application<Context> {
  const action = 'see godwit --help';
  const usage = (message: string): string => (json ? JSON.stringify({ code: 'GW_USAGE', message, action }) : `error GW_USAGE: ${message}\n  what to do: ${action}`);

  const root = buildRouteMap<string, Context>({
    routes: {
      site: siteRoutes,
      group: groupRoutes,
      protect,
      'recovery-point': recoveryPointRoutes,
      recover,
      image: imageRoutes,
      sync: syncRoutes,
      quota: quotaRoutes,
      inventory,
      address: addressRoutes,
      usage: showUsage,
      ready,
      network: networkRoutes,
      gateway: gatewayRoutes,
      vip: vipRoutes,
      'remote-port': remotePortRoutes,
      job: jobRoutes,
      identity: identityRoutes,
      catalog: catalogRoutes,
      server: serverRoutes,
      event: eventRoutes,
      agent: agentRoutes,
      completion,
    },
    docs: { brief: 'Protects groups of servers at one OpenStack site and brings them back at another' },
  });
  return buildApplication(root, {
    name: 'godwit',
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { caseStyle: 'convert-camel-to-kebab', useAliasInUsageLine: true, onlyRequiredInUsageLine: true },
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments(exc, ansi) {
          return usage(text_en.exceptionWhileParsingArguments.call(this, exc, ansi));
        },
        noCommandRegisteredForInput: (args) => usage(text_en.noCommandRegisteredForInput(args)),
      },
    },
  });
}
