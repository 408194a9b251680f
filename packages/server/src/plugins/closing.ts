import type { FastifyInstance } from 'fastify';

const lookMs = 20;

/**
 * A close answers what has been asked, and then cuts every connection. Node's own close would wait a minute for those that a
 * client opened ahead and has sent nothing on yet: it takes them for requests under way.
 * @param graceMs how long requests under way may take
 */
export function registerClosing(app: FastifyInstance, graceMs = 5_000): void {
  let underWay = 0;
  app.addHook('onRequest', (_request, reply, done) => {
    underWay += 1;
    // Fires also when the client leaves before its answer, as onResponse does not.
    reply.raw.once('close', () => (underWay -= 1));
    done();
  });
  app.addHook('preClose', (done) => {
    const deadline = Date.now() + graceMs;
    const look = setInterval(() => {
      if (underWay > 0 && Date.now() < deadline) return;
      clearInterval(look);
      app.server.closeAllConnections();
    }, lookMs);
    done();
  });
}
