import { beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../node/config.ts';
import { MemoryFiles } from '../../testing/memory-files.ts';
import type { Row, Sql } from './connection.ts';
import { resumeSeed, seed, type SeedOptions } from './seed.ts';
import { SeedJournal } from './seed-journal.ts';

const config: DatabaseConfig = { socket: '/s', user: 'godwit', database: 'keystone', maxLagSeconds: 60, programs: '/usr/bin' };
const source = { host: 'm1', port: 3306 };

/** A MariaDB as far as seeding goes: databases with tables (each says whose copy it is), and a slave. All statements were tried on a real one. */
class FakeMariaDb implements Sql {
  databases = new Map<string, Map<string, string>>([['keystone', new Map([['user', 'old'], ['role', 'old']])]]);
  slave: { host: string; port: number; running: boolean } | undefined = { host: 'm0', port: 3306, running: true };
  position = '10-10-1';
  /** Sources that answer. */
  sources = new Set(['m0', 'm1']);
  asked = 0;
  dieAt = Number.POSITIVE_INFINITY;
  /** This one statement is refused, and those after it are not. */
  refuseAt = Number.POSITIVE_INFINITY;

  query(text: string, values: readonly (string | number)[] = []): Promise<readonly Row[]> {
    if (++this.asked >= this.dieAt) return Promise.reject(new Error('the power fails'));
    if (this.asked === this.refuseAt) return Promise.reject(new Error('refused'));
    return Promise.resolve(this.#answer(text, values));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(text: string, values: readonly (string | number)[]): readonly Row[] {
    const name = (/(?:EXISTS|DATABASE) `?(\w+)`?$/.exec(text) ?? [])[1] ?? '';
    if (text.startsWith('SELECT @@global.read_only')) return [{ read_only: 1, log_bin: 0, version: '11.8', domain: 21, server_id: 21, current_pos: this.position, slave_pos: this.position, binlog_pos: '' }];
    if (text.startsWith('SELECT @@global.log_bin')) return [{ on_: 0 }];
    if (text.startsWith('SHOW SLAVE')) return this.slave ? [{ Master_Host: this.slave.host, Master_Port: this.slave.port, Slave_IO_Running: this.slave.running && this.sources.has(this.slave.host) ? 'Yes' : 'Connecting', Slave_SQL_Running: this.slave.running ? 'Yes' : 'No', Seconds_Behind_Master: 0 }] : [];
    if (text.startsWith('SELECT table_name')) return [...(this.databases.get(String(values[0])) ?? new Map<string, string>()).keys()].map((n) => ({ name: n }));
    if (text.startsWith('DROP DATABASE')) this.databases.delete(name);
    if (text.startsWith('CREATE DATABASE') && !this.databases.has(name)) this.databases.set(name, new Map());
    if (text.startsWith('RENAME TABLE')) this.#rename(text.slice(13));
    if (text === 'STOP SLAVE' && this.slave) this.slave.running = false;
    if (text === 'RESET SLAVE ALL') this.slave = undefined;
    if (text.startsWith('SET GLOBAL gtid_slave_pos')) this.position = String(values[0]);
    if (text.startsWith('CHANGE MASTER')) this.slave = { host: String(values[0]), port: Number(values[1]), running: false };
    if (text === 'START SLAVE' && this.slave) this.slave.running = true;
    return [];
  }

  #rename(moves: string): void {
    for (const move of moves.replaceAll('`', '').split(', ')) {
      const [from = '', to = ''] = move.split(' TO ');
      const [[fromDb = '', table = ''], [toDb = '']] = [from.split('.'), to.split('.')];
      const what = this.databases.get(fromDb)?.get(table);
      if (what === undefined || this.databases.get(toDb)?.has(table) !== false) throw new Error(`cannot rename ${move}`);
      this.databases.get(fromDb)?.delete(table);
      this.databases.get(toDb)?.set(table, what);
    }
  }
}

let db: FakeMariaDb;
let files: MemoryFiles;
let copies: number;
beforeEach(() => ((db = new FakeMariaDb()), (files = new MemoryFiles()), (copies = 0), files.entries.set('/state', { kind: 'directory', mode: 0o700, uid: 0, gid: 0, text: '' })));

const options = (): SeedOptions => ({
  sql: db,
  config,
  stateDir: '/state',
  journal: new SeedJournal(files, '/state'),
  sleep: () => Promise.resolve(),
  copy: ({ into }) => {
    copies += 1;
    db.databases.set(into, new Map([['user', `new ${copies}`], ['role', `new ${copies}`], ['trust', `new ${copies}`]]));
    return Promise.resolve(`10-10-4${copies}`);
  },
});
const none = new AbortController().signal;
const live = (): string[] => [...new Set(db.databases.get('keystone')?.values())];

describe('a seed', () => {
  it('exchanges the tables, follows from the dump’s position and drops the old ones', async () => {
    expect(await seed(options(), source, false, none)).toMatchObject({ role: 'replica', source, gtidSlave: '10-10-41', ioRunning: true });
    expect([[...db.databases.keys()], live(), db.databases.get('keystone')?.size]).toEqual([['keystone'], ['new 1'], 3]);
    expect(await seed(options(), source, false, none)).toMatchObject({ gtidSlave: '10-10-41' });
    expect(copies).toBe(1);
    await seed(options(), source, true, none);
    expect(copies).toBe(2);
  });

  it('that dies at any statement leaves whole tables, and the next start follows one source or the other from the right place', async () => {
    for (let at = 1; ; at++) {
      db = new FakeMariaDb();
      files = new MemoryFiles();
      files.entries.set('/state', { kind: 'directory', mode: 0o700, uid: 0, gid: 0, text: '' });
      copies = 0;
      db.dieAt = at;
      const died = await seed(options(), source, true, none).then(() => false, () => true);
      db.dieAt = Number.POSITIVE_INFINITY;
      expect(live(), `at ${at}`).toHaveLength(1);
      await resumeSeed(options());
      const [copy = ''] = live();
      // Old tables follow the old source from the old place, new ones the new source from the dump's.
      expect([at, copy, db.slave, db.position]).toEqual([at, copy, copy === 'old' ? { host: 'm0', port: 3306, running: true } : { ...source, running: true }, copy === 'old' ? '10-10-1' : '10-10-41']);
      if (!died) break;
      await seed(options(), source, false, none);
      expect([live()[0]?.startsWith('new'), db.slave]).toEqual([true, { ...source, running: true }]);
    }
  });

  it('that dies in its copy, after one that could not be ended, never puts half a copy in place', async () => {
    for (let first = 1, more = true; more; first++) {
      for (let refused = 1; ; refused++) {
        db = new FakeMariaDb();
        files = new MemoryFiles();
        files.entries.set('/state', { kind: 'directory', mode: 0o700, uid: 0, gid: 0, text: '' });
        copies = 0;
        db.dieAt = first;
        more = await seed(options(), source, true, none).then(() => false, () => true);
        db.dieAt = Number.POSITIVE_INFINITY;
        db.asked = 0;
        db.refuseAt = refused;
        let reached = false;
        const half: SeedOptions['copy'] = ({ into }) => {
          reached = true;
          db.databases.set(into, new Map([['user', 'half']]));
          db.dieAt = 0;
          return Promise.reject(new Error('the power fails'));
        };
        await seed({ ...options(), copy: half }, source, true, none).catch(() => undefined);
        const asked = db.asked;
        [db.dieAt, db.refuseAt] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
        await resumeSeed(options());
        const [copy = '', ...others] = live();
        const at = `first dies at ${first}, then ${refused} is refused`;
        expect([at, copy, others]).toEqual([at, expect.stringMatching(/^(old|new 1)$/), []]);
        // Where it stands belongs to the tables.
        expect([at, copy, db.position]).toEqual([at, copy, copy === 'old' ? '10-10-1' : '10-10-41']);
        if (copy === 'new 1') expect([at, db.slave]).toEqual([at, { ...source, running: true }]);
        if (reached && refused > asked) break;
      }
    }
  });

  it('whose new tables do not come to follow keeps the old ones, also when it is tried again', async () => {
    db.sources = new Set(['m0']);
    for (const attempt of [1, 2]) {
      await expect(seed(options(), source, false, none)).rejects.toMatchObject({ code: 'GW_AGENT_SEED_FAILED', kind: 'retryable' });
      expect([live(), [...new Set(db.databases.get('keystone_godwit_old')?.values())], db.databases.has('keystone_godwit_failed')]).toEqual([[`new ${attempt}`], ['old'], false]);
    }
    await seed(options(), { host: 'm0', port: 3306 }, false, none);
    expect([...db.databases.keys()]).toEqual(['keystone']);
  });

  it('whose dump fails changes nothing', async () => {
    const failing: SeedOptions = { ...options(), copy: () => Promise.reject(new Error('no route')) };
    await expect(seed(failing, source, false, none)).rejects.toThrow('no route');
    expect([live(), db.slave, [...db.databases.keys()]]).toEqual([['old'], { host: 'm0', port: 3306, running: true }, ['keystone']]);
  });
});
