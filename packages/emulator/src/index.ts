/** OpenStack sites in one process: real HTTP and AMQP on loopback, kept true to real ones by the contract suite. */
export type { CloudEntry, ConfigFiles, WriteConfigOptions } from './config.ts';
export { createClock, createManualTime, type Clock, type ManualTime } from './core/clock.ts';
export type { SavedWorld } from './core/saved.ts';
export type { TapEvent } from './core/site.ts';
export type { TapListener } from './core/taps.ts';
export { Site } from './core/site.ts';
export { World } from './core/world.ts';
export { type Emulator, type EmulatorOptions, startEmulator } from './emulator.ts';
export { EmulatorError } from './errors.ts';
export type { InjectedFault } from './faults/faults.ts';
export { type Fault, type FaultInput, faultKinds } from './faults/schema.ts';
export type { AnsweredRequest } from './http/front.ts';
export { readGuestLog } from './guests/log.ts';
export type { FrozenGuest, SiteInventory } from './inspection.ts';
export { loadTopology, parseTopology } from './topology/load.ts';
export type { Topology } from './topology/schema.ts';
export { manySites, siteName } from './topology/many.ts';
export { seedServers } from './scale/seed.ts';
