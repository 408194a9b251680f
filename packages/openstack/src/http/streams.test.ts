import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { checked } from '../checked.ts';
import type { OpenStackError } from '../errors.ts';
import { useStub } from '../testing/use-stub.ts';

const failure = (promise: Promise<unknown>): Promise<OpenStackError> => promise.then(() => expect.unreachable('it should have failed'), (error: unknown) => error as OpenStackError);
const MIB = 1024 * 1024;
/** On a busy machine everything takes longer. */
const PATIENCE = { timeout: 15_000 };
const FILE = '/image/v2/images/i/file';

async function* mebibytes(count: number, onPiece: (index: number) => void = () => {}): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    onPiece(index);
    yield Buffer.alloc(MIB, index);
  }
}
async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('an upload', () => {
  it('reads its source no faster than the service takes it', async () => {
    const stub = await useStub();
    let taken = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let received = 0;
    stub.raw(`PUT ${FILE}`, (req, res) => {
      void (async () => {
        await gate;
        for await (const piece of req) received += (piece as Buffer).length;
        res.writeHead(204).end();
      })();
    });
    const upload = stub.cloud().image.upload('i', mebibytes(64, () => (taken += 1)));
    await expect.poll(() => taken, PATIENCE).toBeGreaterThan(0);
    await wait(200);
    // The rest waits in the source, not in our memory: socket buffers hold a few MiB at most.
    expect(taken).toBeLessThan(32);
    release();
    await upload;
    expect(received).toBe(64 * MIB);
  });
  it('of known size says so', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, () => ({ status: 204 }));
    const { image } = stub.cloud();
    await image.upload('i', Readable.from([Buffer.from('abc'), Buffer.from('def')]), 6);
    expect(stub.requests.at(-1)).toMatchObject({ body: 'abcdef', headers: { 'content-length': '6', 'content-type': 'application/octet-stream' } });
    await image.upload('i', Readable.from([Buffer.from('abc')]));
    expect(stub.requests.at(-1)).toMatchObject({ body: 'abc', headers: { 'transfer-encoding': 'chunked' } });
  });
  it('is not repeated once it has begun', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, () => 'drop');
    expect(await failure(stub.cloud().image.upload('i', mebibytes(1)))).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable' });
    expect(stub.count(`PUT ${FILE}`)).toBe(1);
  });
  it('whose token is refused says that the body is gone', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, () => ({ status: 401 }));
    const error = await failure(stub.cloud().image.upload('i', mebibytes(1)));
    expect(error).toMatchObject({ code: 'OS_UNAUTHORIZED' });
    expect(error.message).toContain('send it again');
    expect(stub.count(`PUT ${FILE}`)).toBe(1);
  });
  it('of bytes in memory can be sent again', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, (seen, count) => (count === 1 ? 'drop' : seen.headers['x-auth-token'] === 'token-1' ? { status: 401 } : { status: 204 }));
    await stub.cloud().image.upload('i', Buffer.from('abc'));
    expect(stub.requests.filter((seen) => seen.method === 'PUT').map((seen) => seen.body)).toEqual(['abc', 'abc', 'abc']);
  });
  it('whose source fails, fails', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, () => ({ status: 204 }));
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      throw new Error('the disk is gone');
    }
    expect((await failure(stub.cloud().image.upload('i', broken()))).message).toContain('the disk is gone');
  });
  it('may be slow as a whole, but not stand still', async () => {
    const stub = await useStub();
    stub.on(`PUT ${FILE}`, () => ({ status: 204 }));
    const { image } = stub.cloud();
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 6; index += 1) {
        yield Buffer.from('x');
        await wait(150);
      }
    }
    async function* stuck(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      await new Promise(() => {});
    }
    await image.upload('i', slow(), undefined, { timeoutMs: 800 });
    expect(await failure(image.upload('i', stuck(), undefined, { timeoutMs: 100 }))).toMatchObject({ code: 'OS_TIMEOUT' });
  });
  it('ends when its caller gives it up', async () => {
    const stub = await useStub();
    stub.raw(`PUT ${FILE}`, () => {});
    const abort = new AbortController();
    const upload = failure(stub.cloud().image.upload('i', mebibytes(1000), undefined, { signal: abort.signal }));
    await wait(50);
    abort.abort(new Error('no longer wanted'));
    expect((await upload).message).toBe('no longer wanted');
  });
});

describe('a download', () => {
  it('streams, tells its size, and is checked by its hash', async () => {
    const stub = await useStub();
    const data = Buffer.alloc(3 * MIB, 'z');
    stub.raw(`GET ${FILE}`, (_req, res) => void res.writeHead(200, { 'content-length': data.length, 'content-md5': 'abc' }).end(data));
    const { image } = stub.cloud();
    const hash = createHash('sha512').update(data).digest('hex');
    const good = await image.download('i');
    expect(good).toMatchObject({ size: data.length, md5: 'abc' });
    expect((await read(checked(good.stream, 'sha512', hash.toUpperCase()))).equals(data)).toBe(true);
    const bad = await image.download('i');
    expect(await failure(read(checked(bad.stream, 'sha512', '00')))).toMatchObject({ code: 'OS_BAD_CHECKSUM', kind: 'retryable' });
  });
  it('that breaks off fails instead of ending early', async () => {
    const stub = await useStub();
    stub.raw(`GET ${FILE}`, (_req, res) => {
      res.writeHead(200, { 'content-length': MIB });
      res.write(Buffer.alloc(1000));
      setTimeout(() => res.destroy(), 20);
    });
    const { stream } = await stub.cloud().image.download('i');
    expect(await failure(read(stream))).toMatchObject({ code: 'OS_UNREACHABLE', kind: 'retryable', service: 'image' });
  });
  it('that breaks off before it is read fails when it is', async () => {
    const stub = await useStub();
    const broken = new Promise<void>((resolve) =>
      stub.raw(`GET ${FILE}`, (_req, res) => {
        res.writeHead(200, { 'content-length': MIB });
        res.write(Buffer.alloc(1000));
        res.once('close', () => resolve());
        setTimeout(() => res.destroy(), 20);
      }),
    );
    const { stream } = await stub.cloud().image.download('i');
    await broken;
    await wait(30);
    expect(await failure(read(stream))).toMatchObject({ code: 'OS_UNREACHABLE' });
  });
  it('that stands still fails', async () => {
    const stub = await useStub();
    stub.raw(`GET ${FILE}`, (_req, res) => {
      res.writeHead(200, { 'content-length': MIB });
      res.write(Buffer.alloc(1000));
    });
    const { stream } = await stub.cloud().image.download('i', { timeoutMs: 1000 });
    expect(await failure(read(stream))).toMatchObject({ code: 'OS_TIMEOUT', kind: 'retryable' });
  });
  it('ends when its caller gives it up', async () => {
    const stub = await useStub();
    stub.raw(`GET ${FILE}`, (_req, res) => {
      res.writeHead(200, { 'content-length': MIB });
      res.write(Buffer.alloc(1000));
    });
    const abort = new AbortController();
    const { stream } = await stub.cloud().image.download('i', { signal: abort.signal });
    const reading = failure(read(stream));
    abort.abort(new Error('no longer wanted'));
    expect((await reading).message).toBe('no longer wanted');
  });
  it('lets go of the connection when its reader leaves', async () => {
    const stub = await useStub();
    const closed = new Promise<void>((resolve) =>
      stub.raw(`GET ${FILE}`, (req, res) => {
        req.socket.once('close', () => resolve());
        res.writeHead(200);
        res.write(Buffer.alloc(1000));
      }),
    );
    const { stream } = await stub.cloud().image.download('i');
    stream.destroy();
    await closed;
  });
  it('of an image without data is an error', async () => {
    const stub = await useStub();
    stub.on(`GET ${FILE}`, () => ({ status: 204 }));
    expect(await failure(stub.cloud().image.download('i'))).toMatchObject({ code: 'OS_BAD_RESPONSE', status: 204 });
  });
});

describe('objects', () => {
  it('go and come with their metadata, under any name', async () => {
    const stub = await useStub();
    const name = 'a b/ü/../manifest.json';
    stub.on('PUT /swift/v1/AUTH_p1/c/', () => ({ status: 201 }));
    stub.on('GET /swift/v1/AUTH_p1/c/', () => ({ text: '{}', headers: { etag: '"e1"', 'x-object-meta-point': '7', 'content-type': 'application/json' } }));
    const { objects } = stub.cloud().objectStore;
    await objects.put('c', name, Buffer.from('{}'), { contentType: 'application/json', metadata: { point: '7' }, ifNoneMatch: '*' });
    expect(stub.requests.at(-1)).toMatchObject({ body: '{}', headers: { 'content-type': 'application/json', 'content-length': '2', 'x-object-meta-point': '7', 'if-none-match': '*' } });
    const got = await objects.get('c', name);
    expect(got).toMatchObject({ etag: 'e1', contentType: 'application/json', metadata: { point: '7' } });
    expect((await read(got.stream)).toString()).toBe('{}');
    expect(stub.requests.at(-1)?.path).toBe('/swift/v1/AUTH_p1/c/a%20b/%C3%BC/%2E%2E/manifest.json');
  });
});

describe('connections', () => {
  it('are used again for reading', async () => {
    const stub = await useStub();
    const sockets = new Set<unknown>();
    stub.server.on('connection', (socket) => sockets.add(socket));
    stub.on('GET /image/v2/images/', () => ({ json: { id: 'i', status: 'active' } }));
    const { image } = stub.cloud();
    for (let index = 0; index < 10; index += 1) await image.get('i');
    expect(sockets.size).toBeLessThan(3);
  });
  it('that a server closes after each answer, saying so, do no harm', async () => {
    const stub = await useStub();
    stub.on('GET /image/v2/images/', () => ({ json: { id: 'i', status: 'active' }, headers: { connection: 'close' } }));
    const { image } = stub.cloud();
    for (let index = 0; index < 20; index += 1) await image.get('i', { retries: 0 });
    expect(stub.count('GET /image')).toBe(20);
  });
  it('that a server closes after each answer without a word do no harm', async () => {
    const stub = await useStub();
    stub.raw('GET /image/v2/images/', (req) => {
      const body = '{"id":"i","status":"active"}';
      req.socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    stub.raw('POST /image/v2/images', (req) => {
      const body = '{"id":"n","status":"queued"}';
      req.resume();
      req.once('end', () => req.socket.end(`HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
    });
    const { image } = stub.cloud();
    for (let index = 0; index < 20; index += 1) {
      await image.get('i');
      expect((await image.create({ name: 'x' })).id).toBe('n');
    }
  });
  it('are all closed by close', async () => {
    const stub = await useStub();
    const cloud = stub.cloud();
    stub.on('GET /image/v2/images/', () => new Promise(() => {}));
    const asked = failure(cloud.image.get('i', { retries: 0 }));
    await expect.poll(() => stub.count('GET /image'), PATIENCE).toBe(1);
    await cloud.close();
    expect(await asked).toMatchObject({ code: 'OS_UNREACHABLE' });
    await cloud.close();
  });
});
