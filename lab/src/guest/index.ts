export { buildGuestImage, type GuestImageOptions } from './build.ts';
export { parseGuestConsole, type GuestConsole, type GuestGap } from './console.ts';
export { checkInvariant, splitLogs, type InvariantReport } from './invariant.ts';
