import { readFileSync } from 'node:fs';

/** That of the package, wherever this file lies (src/, or dist/ or dist/chunks/ of the checkout). */
export const version: string = readVersion();

function readVersion(): string {
  for (const path of ['../package.json', '../../package.json', '../../../package.json']) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name?: string; version?: string };
      if (name !== undefined && /^(@godwit\/|godwit$)/.test(name) && found !== undefined) return found;
    } catch {
      continue;
    }
  }
  return '0.0.0';
}
