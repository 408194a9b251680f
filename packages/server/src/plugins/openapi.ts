import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { problemSchema } from '../schemas.ts';
import type { App } from '../routes/route.ts';

/** Describes the API from the routes' own schemas, so that the two cannot part. Served at /openapi.json. */
export async function registerOpenApi(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Godwit',
        version,
        description: 'Protection and recovery of groups of servers over many OpenStack sites. Errors are application/problem+json.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'a token of the Keystone of any site, scoped to a project' },
        },
      },
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document);
      const access = document.route.config?.access;
      return { url, schema: access === 'public' ? schema : { ...schema, security: [{ token: [] }] } };
    },
    transformObject: jsonSchemaTransformObject,
  });
  app.addHook('onRoute', (route) => {
    const schema = route.schema as { response?: Record<string, unknown>; hide?: boolean } | undefined;
    if (schema?.response === undefined || schema.hide) return;
    schema.response['default'] ??= { description: 'A problem', content: { 'application/problem+json': { schema: problemSchema } } };
  });
  app.get('/openapi.json', {
    config: { access: 'public' },
    schema: { hide: true },
    handler: () => app.swagger(),
  });
}
