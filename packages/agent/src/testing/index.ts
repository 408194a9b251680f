export { startEmulatedAgents, type EmulatedAgent, type EmulatedOptions } from './emulated.ts';
export { MemoryFiles } from './memory-files.ts';
