import { afterAll, beforeAll } from 'vitest';
import { openSuite } from '../src/open.ts';
import { identity } from './identity.ts';
import { image } from './image.ts';
import { network } from './network.ts';

const { suite } = await openSuite();
beforeAll(() => suite.target.reset(), 30 * 60_000);
afterAll(() => suite.close());

identity(suite);
network(suite);
image(suite);
