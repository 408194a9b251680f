import type { World } from './world.ts';

/** What can be pasted into another terminal while everything is up. */
export async function lookAround(world: World, root: string, source: string, target: string): Promise<string> {
  const { url } = await world.controller;
  const powerCut = world.emulator.world.faults.list().find(({ fault }) => fault.kind === 'site-down' && fault.site === source);
  return `Everything stays up until Ctrl-C. ${source} is still without power. Look around from another terminal:

    cd ${root}
    export OS_CLIENT_CONFIG_FILE=${world.cloudsFile} OS_CLOUD=${target} GODWIT_URL=${url}
    npm run -s godwit -- site list
    npm run -s godwit -- group show vnf
    npm run -s godwit -- recovery-point list vnf
    npm run -s godwit -- job list
    npm run -s godwit -- protect vnf --dry-run
    curl ${url}/openapi.json

  Give ${source} its power back: Godwit stops and locks the copies there before they can serve (condition SourceFenced).

    curl -X DELETE ${world.emulator.url}/_emulator/faults/${String(powerCut?.id ?? 0)}; sleep 10; npm run -s godwit -- group show vnf

  The emulated sites speak OpenStack's own APIs at ${world.emulator.url}: with python3-openstackclient, \`openstack server list\` shows the recovered VNF.`;
}
