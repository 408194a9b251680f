// The sites of the scale bench, in a process of their own: node emulator-main.ts SITES SERVERS_PER_SITE SPEED DIRECTORY
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manySites, seedServers, startEmulator } from '@godwit/emulator';

const [sites = 0, servers = 0, speed = 1] = process.argv.slice(2, 5).map(Number);
const directory = process.argv[5] ?? '';
const emulator = await startEmulator({ topology: manySites(sites), speed, writerMs: 0 });
// By site: ids, in the order of the servers' names.
writeFileSync(join(directory, 'servers.json'), JSON.stringify(Object.fromEntries([...emulator.world.sites.values()].map((site) => [site.name, seedServers(site, servers)]))));
const files = emulator.writeConfig(directory, { listen: '127.0.0.1:0' });
process.send?.({ url: emulator.url, files, clouds: Object.fromEntries(Object.entries(emulator.clouds()).filter(([name]) => /^s0001/.test(name))) });
// Whoever started it is gone: so are its sites.
process.on('disconnect', () => process.exit(0));
