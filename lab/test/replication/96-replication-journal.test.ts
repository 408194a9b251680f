import { replicationStory } from '../../src/replication/scenario.ts';

replicationStory('journal');
