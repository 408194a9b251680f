import { afterAll, beforeAll } from 'vitest';
import { openSuite } from '../src/open.ts';
import { catalog } from './catalog.ts';
import { compute, server } from './compute.ts';
import { identity } from './identity.ts';
import { gaps } from './gaps.ts';
import { image } from './image.ts';
import { network } from './network.ts';
import { protection } from './protection.ts';
import { resources } from './resources.ts';
import { shapesOfResources } from './shapes-of-resources.ts';
import { volume } from './volume.ts';

const { suite, covered } = await openSuite();
beforeAll(() => suite.target.reset(), 30 * 60_000);
afterAll(() => suite.close());

identity(suite);
catalog(suite);
network(suite);
image(suite);
volume(suite);
protection(suite);
resources(suite);
shapesOfResources(suite);
compute(suite);
server(suite);
gaps(covered);
