import type { ProjectRef } from '@godwit/sites';

/** Who asks: made by the server from a validated Keystone token. */
export interface Caller {
  readonly userName: string;
  readonly project?: ProjectRef;
  /** May act on every project, and choose VNIs. */
  readonly admin: boolean;
}
