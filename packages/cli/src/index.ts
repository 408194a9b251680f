export { exit } from './exit-codes.ts';
export type { Credentials, Fetch, FetchInit, Io, Login, Out } from './io.ts';
export { runCli } from './run.ts';
