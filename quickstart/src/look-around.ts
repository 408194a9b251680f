import type { World } from './world.ts';

/** What can be pasted into another terminal while everything is up. */
export async function lookAround(world: World, root: string, source: string, target: string): Promise<string> {
  const { url } = await world.controller;
  return `Everything stays up until Ctrl-C. ${source} is still without power. Look around from another terminal:

    cd ${root}
    export OS_CLIENT_CONFIG_FILE=${world.cloudsFile} OS_CLOUD=${target} GODWIT_URL=${url}
    npm run -s godwit -- site list
    npm run -s godwit -- group show vnf
    npm run -s godwit -- recovery-point list vnf
    npm run -s godwit -- job list
    npm run -s godwit -- protect vnf --dry-run
    curl ${url}/openapi.json

  The emulated sites speak OpenStack's own APIs at ${world.emulator.url}: with python3-openstackclient, \`openstack server list\` shows the recovered VNF.`;
}
