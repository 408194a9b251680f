import type { ExecOptions, ExecResult } from '../host/exec.ts';
import type { Relay } from '../relay/client.ts';
import type { Secrets } from '../secrets.ts';
import type { SiteApi } from '../seed/site-api.ts';
import type { SiteSpec } from '../topology/load.ts';
import type { AnyComponentName, Topology } from '../topology/schema.ts';

/** What a component's definitions know of the site they are for. */
export interface SiteFacts {
  readonly site: SiteSpec;
  readonly topology: Topology;
  readonly secrets: Secrets;
}

/** A running site, as its components' steps and checks see it. */
export interface SiteContext extends SiteFacts {
  readonly relay: Relay;
  readonly api: SiteApi;
  /** Runs a command inside the site, as root or as `user`. */
  exec(argv: readonly string[], options?: SiteExecOptions): Promise<ExecResult>;
  /** Like exec; a status other than 0 is an error that shows the end of the output. Returns standard output. */
  execOk(argv: readonly string[], options?: SiteExecOptions): Promise<string>;
  /** A path inside the site, as this process can open it. */
  path(inside: string): string;
  write(file: SiteFile): void;
}

export interface SiteExecOptions extends ExecOptions {
  readonly user?: string;
}

export interface SiteFile {
  readonly path: string;
  readonly content: string;
  /** `root:root` when left out. */
  readonly owner?: string;
  /** 0644 when left out; files with passwords say 0o640 or less. */
  readonly mode?: number;
  /** Written once, at the first initialization: afterwards it belongs to whoever changed it there. */
  readonly once?: boolean;
}

/** Names of steps and services; of the same site, or `SITE/NAME` of another. */
export type Needs = readonly string[] | ((facts: SiteFacts) => readonly string[]);

/** A step of a site's first initialization; runs once, before its state is frozen. */
export interface InitStep {
  readonly name: string;
  /** What must be done or ready before. */
  readonly needs: Needs;
  run(context: SiteContext): Promise<void>;
}

export interface Service {
  readonly name: string;
  readonly user?: string;
  readonly needs: Needs;
  command(facts: SiteFacts): readonly string[];
  env?(facts: SiteFacts): Readonly<Record<string, string>>;
  /** Before every start: folders in /run and the like. */
  prepare?(context: SiteContext): Promise<void>;
  /** Undefined when it serves; else what is still missing. May throw, which counts as not ready. May do what only the running process makes possible. */
  ready(context: SiteContext, startedAt: Date): Promise<string | undefined>;
  /** Seconds until it counts as failed; 120 when left out. */
  readonly timeoutS?: number;
  /** When a lab is stopped in good order, lower numbers end first, over all sites; 0 when left out, 10 for what others write to. */
  stopOrder?(facts: SiteFacts): number;
}

export interface Component {
  readonly name: AnyComponentName;
  files(facts: SiteFacts): readonly SiteFile[];
  readonly init: readonly InitStep[];
  readonly services: readonly Service[];
}
