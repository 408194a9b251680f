import type { FastifyBaseLogger } from 'fastify';
import { serializerCompiler } from 'fastify-type-provider-zod';

/**
 * Answers by their schema; one that does not match is sent as it is and reported in the log. Whoever recovers a site must not be
 * stopped by a field that is not as we described it.
 */
export function lenientSerializer(log: Pick<FastifyBaseLogger, 'warn'>): typeof serializerCompiler {
  return (route) => {
    const strict = serializerCompiler(route);
    return (data) => {
      try {
        return strict(data);
      } catch (error) {
        log.warn({ method: route.method, route: route.url, issues: (error as { cause?: unknown }).cause }, 'an answer does not match its schema');
        return JSON.stringify(data);
      }
    };
  };
}
