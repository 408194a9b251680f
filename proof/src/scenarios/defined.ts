import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '..', '..', '..', 'packages');

/**
 * Names of all workflows that the packages define, read from their sources: what a controller runs depends on how it is set up (identity's
 * need a star).
 */
export function definedWorkflows(): string[] {
  const names: string[] = [];
  for (const name of readdirSync(packages)) {
    for (const file of sources(join(packages, name, 'src'))) {
      const [, ...definitions] = readFileSync(file, 'utf8').split('): WorkflowDefinition<');
      const defined = definitions.map((text) => {
        const name = /\bname: '([^']+)'/.exec(text)?.[1];
        if (name === undefined) throw new Error(`${file}: a workflow's name cannot be read; its definition begins with it`);
        return name;
      });
      names.push(...defined);
    }
  }
  return names.sort();
}

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true, recursive: true }).filter((e) => e.isFile() && e.name.endsWith('.ts') && !e.name.endsWith('.test.ts')).map((e) => join(e.parentPath, e.name));
}
