import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One `deb` line or stanza: where packages come from. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** A one-line-style *.list file. */
export function parseAptList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    const match = /^deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)\s*(.*)$/.exec(line);
    if (match?.[1] && match[2]) sources.push({ uri: match[1], suite: match[2], components: (match[3] ?? '').split(/\s+/).filter(Boolean) });
  }
  return sources;
}

/** A deb822-style *.sources file: stanzas divided by empty lines, fields continued by indentation. */
export function parseDeb822(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of text.split(/\n[ \t]*\n/)) {
    const fields = new Map<string, string>();
    let last: string | undefined;
    for (const line of stanza.split('\n')) {
      if (line.startsWith('#') || line.trim() === '') continue;
      const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (field?.[1]) {
        last = field[1].toLowerCase();
        fields.set(last, field[2] ?? '');
      } else if (last !== undefined && /^\s/.test(line)) {
        fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`);
      }
    }
    const words = (name: string): string[] => (fields.get(name) ?? '').split(/\s+/).filter(Boolean);
    if (!words('types').includes('deb') || fields.get('enabled')?.toLowerCase() === 'no') continue;
    for (const uri of words('uris')) for (const suite of words('suites')) sources.push({ uri, suite, components: words('components') });
  }
  return sources;
}

export function readAptSources(root = '/etc/apt'): AptSource[] {
  const sources: AptSource[] = [];
  const main = join(root, 'sources.list');
  if (existsSync(main)) sources.push(...parseAptList(readFileSync(main, 'utf8')));
  const dir = join(root, 'sources.list.d');
  for (const name of existsSync(dir) ? readdirSync(dir).sort() : []) {
    const text = readFileSync(join(dir, name), 'utf8');
    if (name.endsWith('.list')) sources.push(...parseAptList(text));
    else if (name.endsWith('.sources')) sources.push(...parseDeb822(text));
  }
  return sources;
}

export interface Mirror {
  readonly archive: string;
  /** Undefined when nothing names a security archive: the tree is then made from the plain suites alone. */
  readonly security: string | undefined;
}

const trim = (uri: string): string => uri.replace(/\/+$/, '');

/**
 * The Debian archive this machine itself uses, whatever release it runs: a source whose suite is a Debian code name with the
 * component `main`. Third-party repositories are told apart by their suites or by lying elsewhere than `…/debian`.
 */
export function chooseMirror(sources: readonly AptSource[]): Mirror | undefined {
  const debian = sources.filter((s) => s.components.includes('main') && /^(https?|file):/.test(s.uri));
  const archive = debian.find((s) => /\/debian\/?$/.test(s.uri) && !s.suite.includes('security'));
  if (!archive) return undefined;
  const security = debian.find((s) => s.suite.endsWith('-security'));
  return { archive: trim(archive.uri), security: security && trim(security.uri) };
}
