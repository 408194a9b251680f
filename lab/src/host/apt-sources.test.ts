import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { chooseMirror, parseAptList, parseDeb822, readAptSources } from './apt-sources.ts';

const deb822 = `Types: deb
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/x.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

describe('apt sources', () => {
  it('reads one-line entries, with options and comments', () => {
    expect(parseAptList('# deb http://no.example/debian x main\ndeb [arch=amd64 signed-by=/k] http://a.example/debian bookworm main contrib # here\ndeb-src http://a.example/debian bookworm main')).toEqual([
      { uri: 'http://a.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
    ]);
  });

  it('reads deb822 stanzas: several suites, continued lines, disabled ones left out', () => {
    expect(parseDeb822(deb822).map((s) => s.suite)).toEqual(['bookworm', 'bookworm-updates', 'bookworm-security']);
    expect(parseDeb822('Types: deb\nURIs: http://a.example/debian\nSuites: x\nComponents: main\nEnabled: no\n')).toEqual([]);
    expect(parseDeb822('Types: deb deb-src\nURIs:\n http://a.example/debian\nSuites: x\nComponents: main\n')).toEqual([{ uri: 'http://a.example/debian', suite: 'x', components: ['main'] }]);
    expect(parseDeb822('Types: deb-src\nURIs: http://a.example/debian\nSuites: x\nComponents: main\n')).toEqual([]);
  });

  it('takes archive and security archive whatever the release, and no third-party repository', () => {
    const other = parseAptList('deb https://packages.other.example/apt cloud-sdk main\ndeb https://deb.other.example/node_20.x nodistro main');
    expect(chooseMirror([...other, ...parseDeb822(deb822)])).toEqual({ archive: 'http://mirror.example/debian', security: 'http://mirror.example/debian-security' });
    expect(chooseMirror(other)).toBeUndefined();
    expect(chooseMirror(parseAptList('deb http://a.example/debian bookworm main'))).toEqual({ archive: 'http://a.example/debian', security: undefined });
  });

  describe('on disk', () => {
    const root = mkdtempSync(join(tmpdir(), 'apt-'));
    afterEach(() => {
      rmSync(root, { recursive: true, force: true });
    });
    it('reads sources.list and both kinds in sources.list.d', () => {
      mkdirSync(join(root, 'sources.list.d'));
      writeFileSync(join(root, 'sources.list'), 'deb http://one.example/debian a main\n');
      writeFileSync(join(root, 'sources.list.d/a.list'), 'deb http://two.example/debian b main\n');
      writeFileSync(join(root, 'sources.list.d/b.sources'), deb822);
      writeFileSync(join(root, 'sources.list.d/c.save'), 'deb http://no.example/debian c main\n');
      expect(readAptSources(root).map((s) => s.suite)).toEqual(['a', 'b', 'bookworm', 'bookworm-updates', 'bookworm-security']);
    });
  });
});
