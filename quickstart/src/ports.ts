import { createServer } from 'node:net';
import { EmulatorError } from '@godwit/emulator';

/** Told at once, and not after a minute when the controller comes to listen there. @throws EmulatorError EMU_PORT */
export async function portIsFree(port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on: ${cause.message}`;
      reject(new EmulatorError('EMU_PORT', `port ${String(port)} of 127.0.0.1 ${why}`, { cause }));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((done) => server.close(done));
}
