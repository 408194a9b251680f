import { spawn } from 'node:child_process';
import type { Lab } from '../index.ts';

/**
 * Runs a program with this terminal in the network `ops`, from where sites are reached as an operator reaches them. Resolves to its
 * exit status. An interrupt goes to the child (the terminal sends it to both); we wait for what it makes of it.
 */
export function runInOps(lab: Lab, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const inside = lab.spawnArgs('ops', argv);
  return new Promise((resolve, reject) => {
    const child = spawn(inside.argv[0] ?? '', inside.argv.slice(1), { stdio: 'inherit', env: { ...inside.env, ...env, GODWIT_LAB_INSIDE: '1' } });
    const ignore = () => undefined;
    process.on('SIGINT', ignore);
    child.on('error', reject);
    child.on('close', (code) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 1);
    });
  });
}
