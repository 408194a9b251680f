export { startEmulatedAgents, type EmulatedAgent, type EmulatedOptions } from './emulated.ts';
export { MemoryFiles } from './memory-files.ts';
export { storageInProcess, type StorageInProcess } from './storage.ts';
